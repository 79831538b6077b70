/**
 * How this browser comes in. A link brings a ticket in its fragment (a token, a one-time code or a claim code), which
 * is taken out of the address bar and traded for a cookie; without one the cookie of an earlier visit does.
 */

import { Refused, SignedOut, type Api } from "./api";
import { ticketIn, type GateFacts, type Ticket } from "./door";
import type { Me } from "./model";

export type Session =
  | { state: "starting" }
  /** The device did not answer; another try is on its way. */
  | { state: "unreachable" }
  /** The device does not know this browser. `claim` is the claim code that the link brought. */
  | { state: "outside"; gate: GateFacts; claim: string; problem: "ticket" | null }
  /** This browser owns the device since a moment ago; the recovery file is shown once. */
  | { state: "keeping"; recovery: string; device: string }
  | { state: "signedIn"; me: Me };

const RETRY_MS = 2000;

/** Take the ticket out of the address bar, so that no history or bookmark keeps it; null when there is none. */
export function takeTicket(): Ticket | null {
  const ticket = ticketIn(location.hash);
  if (ticket !== null) history.replaceState(null, "", location.pathname + location.search);
  return ticket;
}

/** Come in with `ticket`, or with the cookie, and tell each state passed until there is an end. */
export async function comeIn(
  api: Api,
  ticket: Ticket | null,
  tell: (session: Session) => void,
  signal: AbortSignal,
): Promise<void> {
  const claim = ticket?.kind === "claim" ? ticket.value : "";
  while (!signal.aborted) {
    try {
      const isGood = await trade(api, ticket, signal);
      const gate = await api.gate(signal);
      // A link that is used up does not turn away somebody who is known already.
      if (gate.person === null) {
        return tell({ state: "outside", gate, claim, problem: isGood ? null : "ticket" });
      }
      return tell({ state: "signedIn", me: await api.me(signal) });
    } catch {
      if (signal.aborted) return;
      tell({ state: "unreachable" });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Trade `ticket` for the cookie; return whether the device took it. */
async function trade(api: Api, ticket: Ticket | null, signal: AbortSignal): Promise<boolean> {
  try {
    if (ticket?.kind === "token") await api.signIn(ticket.value, signal);
    if (ticket?.kind === "code") await api.redeem(ticket.value, signal);
    return true;
  } catch (error) {
    if (error instanceof SignedOut || (error instanceof Refused && error.status < 500)) return false;
    throw error;
  }
}
