import { useContext } from "preact/hooks";

import { words } from "../i18n";
import { PeopleContext, useDevice } from "./hooks";

/** A channel as a person calls it; one with a name of its own keeps it. */
export function channelName(channel: string): string {
  return words.channels.kinds[channel] ?? channel;
}

/** Gives the name of a person by their id. */
export function usePersonName(): (id: string) => string {
  const { me } = useDevice();
  const people = useContext(PeopleContext)?.value?.people;
  return (id) => {
    if (id === me.person.id) return words.you;
    return people?.find((person) => person.id === id)?.name ?? id;
  };
}
