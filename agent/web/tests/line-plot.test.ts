import assert from "node:assert/strict";
import test from "node:test";

import { areaOf, lineOf, nearest, type Frame } from "../src/line-plot.ts";

const MINUTE = 60_000;
const FRAME: Frame = { from_ms: 0, to_ms: 100 * MINUTE, low: 0, high: 1 };

test("time runs to the right and more lies higher", () => {
  const points = [{ time_ms: 0, value: 0 }, { time_ms: 4 * MINUTE, value: 0.25 }, { time_ms: 8 * MINUTE, value: 1 }];
  assert.equal(lineOf(FRAME, points), "M0.00 100.00L4.00 75.00L8.00 0.00");
  assert.equal(areaOf(FRAME, points), "M0.00 100L0.00 100.00L4.00 75.00L8.00 0.00L8.00 100Z");
});

test("what was not measured is not joined", () => {
  const points = [{ time_ms: MINUTE, value: 0.5 }, { time_ms: 50 * MINUTE, value: 0.5 }];
  assert.equal(lineOf(FRAME, points), "M1.00 50.00h0M50.00 50.00h0");
});

test("what is older than the frame is left out, what is beyond the scale lies on its edge", () => {
  const points = [{ time_ms: -MINUTE, value: 0.5 }, { time_ms: MINUTE, value: 3 }, { time_ms: 2 * MINUTE, value: -3 }];
  assert.equal(lineOf(FRAME, points), "M1.00 0.00L2.00 100.00");
});

test("nothing to draw is an empty path", () => {
  assert.equal(lineOf(FRAME, []), "");
  assert.equal(areaOf(FRAME, []), "");
});

test("under the pointer is the nearest point", () => {
  const points = [{ time_ms: 10 * MINUTE, value: 1 }, { time_ms: 30 * MINUTE, value: 2 }];
  assert.deepEqual([0, 0.19, 0.21, 1].map((across) => nearest(FRAME, points, across)?.value), [1, 1, 2, 2]);
  assert.equal(nearest(FRAME, [], 0.5), undefined);
});
