import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import { Api } from "./api";
import { Gate } from "./gate/gate";
import { RecoverySheet } from "./gate/recovery-sheet";
import type { Ticket } from "./door";
import { language, words } from "./i18n";
import { comeIn, takeTicket, type Session } from "./session";
import { Shell } from "./components/shell";

/** The page: coming in, then the device. */
export function App() {
  const api = useMemo(() => new Api(language), []);
  const [session, setSession] = useState<Session>({ state: "starting" });
  const attempt = useRef<AbortController | null>(null);

  const enter = useCallback((ticket: Ticket | null) => {
    attempt.current?.abort();
    attempt.current = new AbortController();
    void comeIn(api, ticket, setSession, attempt.current.signal);
  }, [api]);
  const comeAnew = useCallback(() => enter(null), [enter]);
  const keep = useCallback((recovery: string, device: string) => {
    setSession({ state: "keeping", recovery, device });
  }, []);

  useEffect(() => {
    enter(takeTicket());
    const linkPasted = () => {
      const ticket = takeTicket();
      if (ticket !== null) enter(ticket);
    };
    addEventListener("hashchange", linkPasted);
    return () => {
      removeEventListener("hashchange", linkPasted);
      attempt.current?.abort();
    };
  }, [enter]);

  switch (session.state) {
    case "starting":
      return null;
    case "unreachable":
      return <main class="gate"><p class="gate-wait" role="status">{words.unreachable}</p></main>;
    case "outside":
      return <Gate api={api} session={session} onEnter={enter} onOwned={keep} />;
    case "keeping":
      return (
        <main class="gate">
          <div class="gate-card">
            <RecoverySheet text={session.recovery} device={session.device} onDone={comeAnew} done={words.recovery.open} />
          </div>
        </main>
      );
    case "signedIn":
      return <Shell api={api} me={session.me} onSignedOut={comeAnew} />;
  }
}
