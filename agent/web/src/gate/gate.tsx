import { useCallback, useEffect, useState } from "preact/hooks";

import type { Api } from "../api";
import type { GateFacts, Ticket } from "../door";
import { words } from "../i18n";
import type { Session } from "../session";
import { BackIcon, FileIcon, KeyIcon, Mark, PersonIcon } from "../components/icons";
import { AskForm } from "./ask";
import { ClaimForm } from "./claim";
import { RecoverForm } from "./recover";
import { SignInForm } from "./sign-in";
import { Waiting } from "./waiting";

interface GateProps {
  api: Api;
  session: Extract<Session, { state: "outside" }>;
  onEnter: (ticket: Ticket | null) => void;
  /** This browser owns the device now; `recovery` is the text of its recovery file. */
  onOwned: (recovery: string, device: string) => void;
}

type View = "claim" | "doors" | "ask" | "wait" | "sign-in" | "recover";

/** What a browser sees that the device does not know yet. */
export function Gate({ api, session, onEnter, onOwned }: GateProps) {
  const [gate, setGate] = useState(session.gate);
  const [view, setView] = useState<View>(() => viewAfter(session));
  const { name } = gate.device;
  const owned = useCallback((recovery: string) => onOwned(recovery, name), [name, onOwned]);
  const asked = useCallback((facts: GateFacts) => {
    if (facts.person !== null) return onEnter(null);
    setGate(facts);
    setView(firstView(facts));
  }, [onEnter]);
  useEffect(() => {
    // Another try to come in, such as with a link that was pasted, has ended at this door.
    setGate(session.gate);
    setView(viewAfter(session));
  }, [session]);
  useEffect(() => {
    document.title = name;
  }, [name]);

  const draw = () => {
    switch (view) {
      case "claim":
        return (
          <ClaimForm key={session.claim} api={api} code={session.claim} onOwned={owned} onTaken={() => onEnter(null)} />
        );
      case "doors":
        return <Doors name={name} onChoose={setView} />;
      case "ask":
        return <AskForm api={api} onAsked={asked} />;
      case "wait":
        return gate.asks && <Waiting api={api} ask={gate.asks} onHeard={asked} onAgain={() => setView("ask")} />;
      case "sign-in":
        return <SignInForm hasProblem={session.problem !== null} onTicket={onEnter} />;
      case "recover":
        return <RecoverForm api={api} onOwned={owned} />;
    }
  };
  const isFirst = view === "claim" || view === "doors";
  return (
    <main class="gate">
      <div class="gate-card" data-testid="gate" data-view={view}>
        <div class="gate-head">
          <Mark />
          <span class="gate-name">{name}</span>
        </div>
        {draw()}
        {view === "claim" && (
          <p class="gate-foot">
            <button type="button" class="link" onClick={() => setView("sign-in")} data-testid="door-link">
              {words.gate.alreadyIn}
            </button>
          </p>
        )}
        {!isFirst && (
          <p class="gate-foot">
            <button type="button" class="link" onClick={() => setView(gate.owned ? "doors" : "claim")}
              data-testid="gate-back">
              <BackIcon />
              {words.gate.otherWay}
            </button>
          </p>
        )}
      </div>
    </main>
  );
}

function viewAfter({ gate, problem }: GateProps["session"]): View {
  return problem === null ? firstView(gate) : "sign-in";
}

function firstView(gate: GateFacts): View {
  if (!gate.owned) return "claim";
  return gate.asks === null ? "doors" : "wait";
}

/** The three ways into a device that has an owner. */
function Doors({ name, onChoose }: { name: string; onChoose: (view: View) => void }) {
  const say = words.gate;
  const doors = [
    { view: "ask", icon: <PersonIcon />, title: say.asking, text: say.askingText },
    { view: "sign-in", icon: <KeyIcon />, title: say.signingIn, text: say.signingInText },
    { view: "recover", icon: <FileIcon />, title: say.recovering, text: say.recoveringText },
  ] as const;
  return (
    <>
      <h1>{say.doorTitle(name)}</h1>
      <p>{say.doorText}</p>
      <ul class="doors">
        {doors.map((door) => (
          <li key={door.view}>
            <button type="button" class="door" onClick={() => onChoose(door.view)} data-testid={`door-${door.view}`}>
              <span class="sign">{door.icon}</span>
              <span>
                <strong>{door.title}</strong>
                <span class="door-text">{door.text}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
