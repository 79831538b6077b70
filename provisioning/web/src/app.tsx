import { useCallback, useEffect, useMemo, useState } from "preact/hooks";

import { Api, Refused } from "./api";
import { Shell } from "./components/shell";
import { Deeds } from "./deeds";
import { ConnectionContext } from "./hooks";
import { firstLanguage, type Language, LanguageContext, rememberLanguage } from "./i18n";
import { Live } from "./live";
import type { Me } from "./model";
import { SignInPage, type SignInTrouble } from "./pages/signin";

type Session =
  | { is: "checking" }
  | { is: "out"; trouble: SignInTrouble | null }
  | { is: "in"; me: Me };

/** Signs in, keeps the live connection and shows the pages. */
export function App() {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [session, setSession] = useState<Session>({ is: "checking" });
  const api = useMemo(() => new Api(() => document.documentElement.lang), []);

  const enter = useCallback(
    async (code: string | null) => setSession(await begin(api, code)),
    [api],
  );

  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);

  useEffect(() => {
    const begun = () => void enter(takeCode());
    const followed = () => location.hash.startsWith("#code=") && begun();
    begun();
    addEventListener("hashchange", followed);
    return () => removeEventListener("hashchange", followed);
  }, [enter]);

  const signedIn = session.is === "in";
  const connection = useMemo(() => {
    if (!signedIn) return null;
    const live = new Live(api, () => setSession({ is: "out", trouble: null }));
    return { api, live, deeds: new Deeds(api, live) };
  }, [api, signedIn]);

  useEffect(() => {
    if (!connection) return undefined;
    void connection.live.run();
    return () => connection.live.close();
  }, [connection]);

  const switchLanguage = () => {
    const other = language === "zh" ? "en" : "zh";
    rememberLanguage(other);
    setLanguage(other);
  };
  const signOut = async () => {
    await api.signOut().catch(ignoreSignedOut);
    setSession({ is: "out", trouble: null });
  };

  return (
    <LanguageContext.Provider value={language}>
      {session.is === "out" && (
        <SignInPage trouble={session.trouble} onCode={enter} onLanguage={switchLanguage} />
      )}
      {session.is === "in" && connection && (
        <ConnectionContext.Provider value={connection}>
          <Shell me={session.me} onLanguage={switchLanguage} onSignOut={() => void signOut()} />
        </ConnectionContext.Provider>
      )}
    </LanguageContext.Provider>
  );
}

/** Spend `code` when there is one, then ask who is signed in. */
async function begin(api: Api, code: string | null): Promise<Session> {
  try {
    if (code) await api.signIn(code);
    return { is: "in", me: await api.me() };
  } catch (error) {
    if (!(error instanceof Refused)) return { is: "out", trouble: "unreachable" };
    return { is: "out", trouble: code ? { said: error.message } : null };
  }
}

/** Take the one-time code out of the address, so that it stays neither on the screen nor in the history. */
function takeCode(): string | null {
  const [, code] = /^#code=(.+)$/.exec(location.hash) ?? [];
  if (!code) return null;
  history.replaceState(null, "", location.pathname);
  return decodeURIComponent(code);
}

/** A session that has already ended counts as signed out; anything else the person should see. */
function ignoreSignedOut(error: unknown): void {
  if (!(error instanceof Refused && error.status === 401)) throw error;
}
