/** What anybody may ask of the device before it knows them. */

import type { Person } from "./model";

export type AskState = "pending" | "refused" | "expired";

/** How the wish of this browser to be let in stands. */
export interface Ask {
  state: AskState;
  code: string;
  /** ISO 8601 or Unix milliseconds. */
  expires: string | number;
}

export interface GateFacts {
  device: { id: string; name: string };
  version: string;
  owned: boolean;
  person: Person | null;
  asks: Ask | null;
}

/** How many signs a code has that people read out. */
export const CODE_LENGTH = 8;

/** No one-time code is longer; what is longer is a token. */
const LONGEST_CODE = 24;

/** Signs that look like others are in no code. */
const LOOKALIKES = /[01OI]/;

/** Return the code in what a person typed or pasted: any case, with spaces or dashes, alone or at the end of a link. */
export function codeIn(typed: string): string {
  const afterName = typed.match(/#(?:claim|code)=(.*)$/)?.[1] ?? typed;
  return afterName.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, CODE_LENGTH);
}

/** A code as it is read out: two groups of four. */
export function spellCode(code: string): string {
  return code.length > CODE_LENGTH / 2 ? `${code.slice(0, CODE_LENGTH / 2)}-${code.slice(CODE_LENGTH / 2)}` : code;
}

/** Whether `code` holds a sign that no code has: what was read was another one. */
export function hasLookalike(code: string): boolean {
  return LOOKALIKES.test(code);
}

/** What a link to this page brings along in its fragment. */
export type Ticket = { kind: "token" | "code" | "claim"; value: string };

/** Return what the fragment of an address brings along; null when it is only the name of a page. */
export function ticketIn(fragment: string): Ticket | null {
  const [, kind, value] = fragment.match(/^#(token|code|claim)=(.+)$/) ?? [];
  if (!kind || !value) return null;
  return { kind: kind as Ticket["kind"], value: decoded(value) };
}

/** Return the ticket in what a person pasted to sign in: a whole link, its fragment, a one-time code or a token. */
export function ticketFrom(pasted: string): Ticket | null {
  const text = pasted.trim();
  const mark = text.indexOf("#");
  if (mark >= 0) return ticketIn(text.slice(mark));
  if (text === "") return null;
  const short = text.replace(/[\s-]/g, "");
  return short.length <= LONGEST_CODE && /^[A-Za-z0-9]+$/.test(short)
    ? { kind: "code", value: short.toUpperCase() }
    : { kind: "token", value: text };
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
