/** How this browser signs in: the token comes in the fragment of a link, is traded for a cookie and forgotten. */

import { Refused, SignedOut, type Api } from "./api";
import type { Me } from "./model";

export type Session =
  | { state: "starting" }
  /** The device did not answer; another try is on its way. */
  | { state: "unreachable" }
  | { state: "signedOut"; problem: "token" | null }
  | { state: "signedIn"; me: Me };

const RETRY_MS = 2000;

/** Return the token in `link`, which is a whole link, its fragment, or the token alone; empty when there is none. */
export function tokenIn(link: string): string {
  const fragment = link.trim().split("#").at(-1) ?? "";
  return fragment.startsWith("token=") ? decodeURIComponent(fragment.slice("token=".length)) : fragment;
}

/** Take the token out of the address bar, so that no history or bookmark keeps it; null when there is none. */
export function takeToken(): string | null {
  if (!location.hash.startsWith("#token=")) return null;
  const token = tokenIn(location.hash);
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/** Sign in with `token`, or with the cookie when it is null, and tell each state passed until there is an end. */
export async function signIn(
  api: Api,
  token: string | null,
  tell: (session: Session) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (token !== null) await api.signIn(token, signal);
      return tell({ state: "signedIn", me: await api.me(signal) });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SignedOut || (error instanceof Refused && error.status < 500)) {
        return tell({ state: "signedOut", problem: token === null ? null : "token" });
      }
      tell({ state: "unreachable" });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
