import { useContext } from "preact/hooks";

import { words } from "../i18n";
import type { Role } from "../model";
import { PeopleContext, useDevice } from "./hooks";

/** A channel as a person calls it; one with a name of its own keeps it. */
export function channelName(channel: string): string {
  return words.channels.kinds[channel] ?? channel;
}

/** What a person is called; an owner who never said so is the owner. */
export function calledBy({ name, role }: { name: string; role: Role }): string {
  return name || words.people.roles[role];
}

/** Gives the name of a person by their id. */
export function usePersonName(): (id: string) => string {
  const { me } = useDevice();
  const people = useContext(PeopleContext)?.value?.people;
  return (id) => {
    if (id === me.person.id) return words.you;
    const known = people?.find((person) => person.id === id);
    return known ? calledBy(known) : id;
  };
}
