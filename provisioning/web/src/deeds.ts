/**
 * What this page has asked devices for, and what became of each.
 *
 * A deed outlives the row in which it was started: a request that was let in leaves the list of requests, and its
 * outcome has to stay readable there. It is kept until the person dismisses it or signs out.
 */

import type { Api, Order } from "./api";
import type { Follower, Live } from "./live";
import type { Command, FleetEvent, PairingRequest, Person } from "./model";

/** "unsent": the manager did not take it. "sent": it is on its way, and the device has not answered. */
export type Phase = "asking" | "unsent" | Command["state"];

/** Where a deed was started: the row of a request, of a person or of a task. */
export type About =
  | { kind: "request"; request: PairingRequest }
  | { kind: "person"; person: Person }
  | { kind: "task"; id: string };

export interface Deed {
  device: string;
  about: About;
  phase: Phase;
  command: Command | null;
  /** Why it is "unsent". */
  error: unknown;
}

export class Deeds implements Follower {
  private readonly deeds = new Map<string, Deed>();
  private readonly watchers = new Set<() => void>();
  /** Commands that the stream told of, by id: an answer may come before that of the call which sent the command. */
  private readonly told = new Map<string, Command>();

  constructor(
    private readonly api: Api,
    live: Live,
  ) {
    live.follow(this);
  }

  /** Ask `device` for something; every step of it is told to the watchers. */
  async ask(device: string, order: Order, about: About): Promise<void> {
    const key = keyOf(device, about);
    const deed: Deed = { device, about, phase: "asking", command: null, error: null };
    this.set(key, deed);
    try {
      const command = await this.api.order(device, order);
      const newest = this.told.get(command.id) ?? command;
      this.set(key, { ...deed, phase: newest.state, command: newest });
    } catch (error) {
      this.set(key, { ...deed, phase: "unsent", error });
    }
  }

  of(device: string, about: About): Deed | null {
    return this.deeds.get(keyOf(device, about)) ?? null;
  }

  all(): Deed[] {
    return [...this.deeds.values()];
  }

  dismiss(deed: Deed): void {
    this.deeds.delete(keyOf(deed.device, deed.about));
    this.changed();
  }

  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  /** After a gap of the stream: ask for what it may have told of commands still under way. */
  opened(): void {
    const open = this.all().filter((deed) => deed.phase === "sent");
    for (const device of new Set(open.map((deed) => deed.device))) {
      this.api.commands(device).then(
        (commands) => commands.forEach((command) => this.take(command)),
        (error: unknown) => console.info("outpost: commands could not be read:", String(error)),
      );
    }
  }

  happened(events: readonly FleetEvent[]): void {
    for (const event of events) if (event.kind === "command") this.take(event.command);
  }

  private take(command: Command): void {
    this.told.set(command.id, command);
    for (const [key, deed] of this.deeds) {
      if (deed.command?.id === command.id) this.set(key, { ...deed, phase: command.state, command });
    }
  }

  private set(key: string, deed: Deed): void {
    this.deeds.set(key, deed);
    this.changed();
  }

  private changed(): void {
    for (const changed of this.watchers) changed();
  }
}

export function isUnderWay(deed: Deed | null): boolean {
  return deed?.phase === "asking" || deed?.phase === "sent";
}

/** `items` after those of `acted` that are no more among them, marked as gone. */
export function withGone<T extends { id: string; device: string; isGone?: true }>(
  items: readonly T[],
  acted: readonly T[],
): T[] {
  const present = new Set(items.map((item) => `${item.device} ${item.id}`));
  const gone = acted.filter((item) => !present.has(`${item.device} ${item.id}`));
  return [...gone.map((item): T => ({ ...item, isGone: true })), ...items];
}

function keyOf(device: string, about: About): string {
  const id = about.kind === "request" ? about.request.id : about.kind === "person" ? about.person.id : about.id;
  return `${device} ${about.kind} ${id}`;
}
