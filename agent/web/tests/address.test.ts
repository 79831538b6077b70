import assert from "node:assert/strict";
import test from "node:test";

import { safeLink, safePicture } from "../src/document/address.ts";

const GOOD = ["https://example.org/a?b#c", "HTTP://example.org", "mailto:a@example.org", "/api/v1/attachments/1/a.png"];

for (const href of GOOD) {
  test(`leads to ${href}`, () => assert.equal(safeLink(href), href));
}

const BAD = [
  "javascript:alert(1)",
  "data:text/html,x",
  "//example.org",
  "/\\example.org",
  "/\t/example.org",
  " https://example.org",
  "#x",
  "",
];

for (const href of BAD) {
  test(`does not lead to ${JSON.stringify(href)}`, () => assert.equal(safeLink(href), null));
}

test("loads pictures from its own host only", () => {
  assert.equal(safePicture("/plots/1.png"), "/plots/1.png");
  assert.equal(safePicture("https://example.org/1.png"), null);
});
