import { useState } from "preact/hooks";

import type { Order } from "../api";
import { isUnderWay } from "../deeds";
import { useConnection, useDeeds } from "../hooks";
import { useWords } from "../i18n";
import type { Person } from "../model";
import { Dialog } from "./dialog";
import { nameOf } from "./identities";
import { Outcome } from "./outcome";

/** The way to let a person in no more, which asks first; and what became of it. */
export function Revoke({ person }: { person: Person }) {
  const words = useWords();
  const { deeds } = useConnection();
  useDeeds();
  const [confirming, setConfirming] = useState(false);
  const about = { kind: "person", person } as const;
  const deed = deeds.of(person.device, about);
  const hasWhat = !person.isGone && (person.role !== "owner" || person.identities.length > 0);
  return (
    <span class="revoke">
      {hasWhat && !isUnderWay(deed) && (
        <button class="button small" data-testid="revoke" onClick={() => setConfirming(true)}>
          {words.revoke}
          <span class="visually-hidden"> {nameOf(person, words)}</span>
        </button>
      )}
      <Outcome deed={deed} />
      {confirming && (
        <RevokeDialog
          person={person}
          onRevoke={(order) => void deeds.ask(person.device, order, about)}
          onClose={() => setConfirming(false)}
        />
      )}
    </span>
  );
}

interface RevokeDialogProps {
  person: Person;
  onRevoke: (order: Order) => void;
  onClose: () => void;
}

function RevokeDialog({ person, onRevoke, onClose }: RevokeDialogProps) {
  const words = useWords();
  const isOwner = person.role === "owner";
  const [only, setOnly] = useState<number | null>(isOwner ? 0 : null);
  const identity = only === null ? null : person.identities[only];
  const order: Order = identity
    ? { verb: "pair.revoke", person: person.id, channel: identity.channel, sender: identity.sender }
    : { verb: "pair.revoke", person: person.id };
  const choices = person.identities.map((one) => ({
    label: words.revokeOnly(one.channel),
    note: [one.name, one.sender].filter(Boolean).join(" · "),
  }));
  return (
    <Dialog
      title={words.revokeTitle(nameOf(person, words))}
      confirm={words.revoke}
      isHarsh
      onConfirm={() => onRevoke(order)}
      onClose={onClose}
    >
      <p>{isOwner ? words.revokeOwner : words.revokeBody(nameOf(person, words), person.device_name)}</p>
      {(isOwner || choices.length > 1) && (
        <fieldset class="choices">
          <legend class="visually-hidden">{words.revokeWhat}</legend>
          {!isOwner && (
            <Choice checked={only === null} label={words.revokeAll} note="" onChoose={() => setOnly(null)} />
          )}
          {choices.map((choice, index) => (
            <Choice key={index} {...choice} checked={only === index} onChoose={() => setOnly(index)} />
          ))}
        </fieldset>
      )}
    </Dialog>
  );
}

interface ChoiceProps {
  checked: boolean;
  label: string;
  note: string;
  onChoose: () => void;
}

function Choice({ checked, label, note, onChoose }: ChoiceProps) {
  return (
    <label class="choice">
      <input type="radio" name="revoke" checked={checked} onChange={onChoose} />
      <span>
        <span class="choice-name">{label}</span>
        {note && <span class="faint">{note}</span>}
      </span>
    </label>
  );
}
