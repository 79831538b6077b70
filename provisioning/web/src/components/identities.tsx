import { useWords, type Words } from "../i18n";
import type { Person } from "../model";

/** On which channels a person reaches a device. */
export function Identities({ person, most = Infinity }: { person: Person; most?: number }) {
  const words = useWords();
  const { identities } = person;
  if (!identities.length) {
    return <span class="faint">{person.role === "owner" ? words.ownPage : words.noIdentities}</span>;
  }
  const say = (one: Person["identities"][number]) => [one.name, one.sender].filter(Boolean).join(" · ");
  return (
    <span class="labels">
      {identities.slice(0, most).map((one) => (
        <span key={`${one.channel} ${one.sender}`} class="chip" title={say(one)}>
          <span class="chip-name">{one.channel}</span>
          <span class="chip-value">{one.name || one.sender}</span>
        </span>
      ))}
      {identities.length > most && (
        <span class="chip more" title={identities.slice(most).map(say).join("\n")}>
          +{identities.length - most}
        </span>
      )}
    </span>
  );
}

/** What to call a person: their own name, else that of an identity, else what they are. */
export function nameOf(person: Pick<Person, "name" | "role" | "identities">, words: Words): string {
  return person.name || person.identities.find((one) => one.name)?.name || words.roles[person.role];
}

/** The moment of the first of a person's identities, null where none tells. */
export function pairedSince(person: Person): number | null {
  const known = person.identities.map((one) => one.since_ms).filter((moment) => moment > 0);
  return known.length ? Math.min(...known) : null;
}
