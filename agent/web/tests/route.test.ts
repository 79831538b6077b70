import assert from "node:assert/strict";
import test from "node:test";

import { addressOf, PAGES, parseRoute, sectionAddress, sectionOf, type Route } from "../src/route.ts";

const EVERYWHERE: readonly Route[] = [
  { page: "chat" },
  { page: "tasks", id: null },
  { page: "tasks", id: "01M8 WQ/4%" },
  { page: "results", seq: null },
  { page: "results", seq: 40 },
  { page: "people" },
  { page: "conversation", channel: "telegram-2", chat: "-100/7 ?#" },
  { page: "channels" },
  { page: "device" },
];

test("an address leads back to the page that it was made for", () => {
  for (const route of EVERYWHERE) assert.deepEqual(parseRoute(addressOf(route), "owner"), route);
});

test("each entry of the navigation leads to a page of its section", () => {
  for (const role of ["owner", "user"] as const) {
    for (const page of PAGES[role]) assert.equal(sectionOf(parseRoute(sectionAddress(page), role)), page);
  }
});

test("what the owner alone may see leads others to the chat", () => {
  for (const hash of ["#/people", "#/people/telegram/1", "#/channels", "#/device"]) {
    assert.deepEqual(parseRoute(hash, "user"), { page: "chat" });
  }
});

test("an address that leads nowhere leads to the chat", () => {
  for (const hash of ["", "#", "#/", "#/nowhere", "#anything=1"]) {
    assert.deepEqual(parseRoute(hash, "owner"), { page: "chat" });
  }
});

test("a result that is no number is the list", () => {
  assert.deepEqual(parseRoute("#/results/newest", "owner"), { page: "results", seq: null });
});
