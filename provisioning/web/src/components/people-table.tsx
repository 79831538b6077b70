import { useFormat } from "../format";
import { useMedia, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Person } from "../model";
import { deviceAddress } from "../router";
import { Identities, nameOf, pairedSince } from "./identities";
import { Revoke } from "./revoke";
import { type Place, rowAt, RowTable } from "./row-table";

/** The heights that styles/people.css gives a row, in pixels: a line of the table, and a card on a narrow screen. */
const ROW_HEIGHT = 62;
const CARD_HEIGHT = 128;
const NARROW = "(max-width: 959px)";

/** Paired people as rows. */
export function PeopleTable({ people }: { people: readonly Person[] }) {
  const words = useWords();
  const now = useNow(60_000);
  const narrow = useMedia(NARROW);
  const heads = [words.person, words.role, words.device, words.identities, words.since];
  const head = (
    <>
      {heads.map((name) => (
        <span key={name} class="head" role="columnheader">
          {name}
        </span>
      ))}
      <span class="head" role="columnheader">
        <span class="visually-hidden">{words.revoke}</span>
      </span>
    </>
  );
  return (
    <RowTable kind="persons" label={words.paired} head={head} items={people} height={narrow ? CARD_HEIGHT : ROW_HEIGHT}>
      {(person, place) => (
        <PersonRow key={`${person.device} ${person.id}`} person={person} place={place} now={now} />
      )}
    </RowTable>
  );
}

function PersonRow({ person, place, now }: { person: Person; place: Place; now: number }) {
  const words = useWords();
  const format = useFormat();
  const since = pairedSince(person);
  return (
    <div {...rowAt(place)} class="row person-row" data-testid="person" data-id={person.id} data-device={person.device}>
      <span class="cell name" role="cell">
        <strong>{nameOf(person, words)}</strong>
        {person.id !== "owner" && <span class="mono faint">{person.id}</span>}
      </span>
      <span class="cell role" role="cell">
        <span class={`badge role-${person.role}`}>{words.roles[person.role]}</span>
      </span>
      <span class="cell device" role="cell">
        <a class="row-link" href={deviceAddress(person.device)}>
          {person.device_name}
        </a>
        {!person.online && <span class="faint">{words.offline}</span>}
      </span>
      <span class="cell identities" role="cell">
        <Identities person={person} most={3} />
      </span>
      <span class="cell since" role="cell" title={since === null ? undefined : format.moment(since)}>
        {since === null ? words.none : format.date(since, now)}
      </span>
      <span class="cell orders" role="cell">
        <Revoke person={person} />
      </span>
    </div>
  );
}
