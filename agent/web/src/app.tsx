import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import { Api } from "./api";
import { ChatPage } from "./components/chat-page";
import { Gate } from "./components/gate";
import { language, words } from "./i18n";
import { signIn, takeToken, type Session } from "./session";

/** The page: signing in, then the chat. */
export function App() {
  const api = useMemo(() => new Api(language), []);
  const [session, setSession] = useState<Session>({ state: "starting" });
  const attempt = useRef<AbortController | null>(null);

  const enter = useCallback((token: string | null) => {
    attempt.current?.abort();
    attempt.current = new AbortController();
    void signIn(api, token, setSession, attempt.current.signal);
  }, [api]);

  const leave = useCallback(() => setSession({ state: "signedOut", problem: null }), []);

  useEffect(() => {
    enter(takeToken());
    const linkPasted = () => {
      const token = takeToken();
      if (token !== null) enter(token);
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
    case "signedOut":
      return <Gate problem={session.problem} onToken={enter} />;
    case "signedIn":
      return <ChatPage api={api} me={session.me} onSignedOut={leave} />;
  }
}
