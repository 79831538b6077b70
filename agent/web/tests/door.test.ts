import assert from "node:assert/strict";
import test from "node:test";

import { codeIn, hasLookalike, spellCode, ticketFrom, ticketIn } from "../src/door.ts";

test("a code is the same in any case, with spaces, with dashes and at the end of a link", () => {
  const typed = ["K7PQ3XMV", "k7pq3xmv", " k7pq 3xmv ", "K7PQ-3XMV", "K7PQ–3XMV", "http://pi:7780/#claim=k7pq-3xmv"];
  assert.deepEqual(typed.map(codeIn), typed.map(() => "K7PQ3XMV"));
});

test("what is typed beyond a code is left out", () => {
  assert.equal(codeIn("K7PQ3XMV and more"), "K7PQ3XMV");
});

test("a code is spelled in two groups as soon as the second begins", () => {
  assert.deepEqual(["", "K7P", "K7PQ", "K7PQ3", "K7PQ3XMV"].map(spellCode), ["", "K7P", "K7PQ", "K7PQ-3", "K7PQ-3XMV"]);
});

test("a spelled code is read as the code that it spells", () => {
  for (const code of ["K", "K7PQ", "K7PQ3", "K7PQ3XMV"]) assert.equal(codeIn(spellCode(code)), code);
});

test("signs that no code has are noticed", () => {
  assert.deepEqual(["K7PQ3XMV", "K0PQ", "K1PQ", "KOPQ", "KIPQ"].map(hasLookalike), [false, true, true, true, true]);
});

test("a fragment brings a ticket or names a page", () => {
  assert.deepEqual(ticketIn("#token=a%2Fb"), { kind: "token", value: "a/b" });
  assert.deepEqual(ticketIn("#claim=K7PQ3XMV"), { kind: "claim", value: "K7PQ3XMV" });
  assert.deepEqual(ticketIn("#code=%E0%A4%A"), { kind: "code", value: "%E0%A4%A" });
  for (const page of ["", "#", "#/people", "#token=", "#other=1"]) assert.equal(ticketIn(page), null);
});

test("what is pasted to sign in is a link, a code or a token", () => {
  const token = "vK3_0xA-".repeat(5);
  assert.deepEqual(ticketFrom(` http://pi:7780/#token=${token}\n`), { kind: "token", value: token });
  assert.deepEqual(ticketFrom("http://pi:7780/#code=EES4NVM4E4F3HVH3"), { kind: "code", value: "EES4NVM4E4F3HVH3" });
  assert.deepEqual(ticketFrom("ees4 nvm4 e4f3 hvh3"), { kind: "code", value: "EES4NVM4E4F3HVH3" });
  assert.deepEqual(ticketFrom("K7PQ-3XMV"), { kind: "code", value: "K7PQ3XMV" });
  assert.deepEqual(ticketFrom(token), { kind: "token", value: token });
  assert.equal(ticketFrom("  "), null);
  assert.equal(ticketFrom("http://pi:7780/#/people"), null);
});
