/**
 * One live connection to the manager, shared by the pages.
 *
 * After every opening the followers are told to fetch everything anew, so nothing depends on what was missed. The
 * stream is read with fetch rather than EventSource: that shows the comment lines, whose absence is the only sign of
 * a line that died without a word (a laptop that slept), and the status of a refusal.
 */

import type { Api } from "./api";
import { Refused } from "./api";
import { type FleetEvent, parseEvent } from "./model";
import { EventReader } from "./sse";

/** "deaf": this page hears the manager, but the manager has lost its broker and hears no device. */
export type LiveState = "connecting" | "live" | "deaf" | "reconnecting";

export interface Follower {
  /** The stream is open: what is fetched from now on misses nothing that the stream will not tell. */
  opened(): void;
  /** Events in order; many are handed over at once, so that a busy fleet costs few redraws. */
  happened(events: readonly FleetEvent[]): void;
}

const BATCH_MS = 200;
const SILENCE_MS = 40_000; // The manager sends a comment line every 15 s.
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;

export class Live {
  state: LiveState = "connecting";
  private readonly followers = new Set<Follower>();
  private readonly watchers = new Set<() => void>();
  private readonly stopped = new AbortController();
  private waiting: FleetEvent[] = [];

  constructor(
    private readonly api: Api,
    private readonly onSignedOut: () => void,
  ) {}

  /** Keep the stream open until `close`. */
  async run(): Promise<void> {
    let retry = FIRST_RETRY_MS;
    while (!this.stopped.signal.aborted) {
      try {
        await this.connect(() => (retry = FIRST_RETRY_MS));
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return this.onSignedOut();
        if (!this.stopped.signal.aborted) console.info("outpost: the live stream ended:", String(error));
      }
      if (this.stopped.signal.aborted) return;
      this.become("reconnecting");
      await pause(retry * (0.75 + Math.random() / 2), this.stopped.signal);
      retry = Math.min(retry * 2, LAST_RETRY_MS);
    }
  }

  close(): void {
    this.stopped.abort();
  }

  /** Whether the stream is open; when it is not, its next opening fetches everything anew. */
  get isOpen(): boolean {
    return this.state === "live" || this.state === "deaf";
  }

  follow(follower: Follower): () => void {
    this.followers.add(follower);
    if (this.isOpen) follower.opened();
    return () => this.followers.delete(follower);
  }

  /** Call `changed` at every change of `state`. */
  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  private async connect(opened: () => void): Promise<void> {
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    this.stopped.signal.addEventListener("abort", abort);
    let silence = setTimeout(abort, SILENCE_MS);
    try {
      const response = await this.api.stream(attempt.signal);
      const { manager } = await this.api.me();
      opened();
      this.become(manager.link === "down" ? "deaf" : "live");
      for (const follower of this.followers) follower.opened();
      const events = new EventReader();
      const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await pieces?.read(); piece && !piece.done; piece = await pieces?.read()) {
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE_MS);
        for (const { name, data } of events.read(piece.value)) this.take(parseEvent(name, data));
      }
    } finally {
      clearTimeout(silence);
      this.stopped.signal.removeEventListener("abort", abort);
    }
  }

  private take(event: FleetEvent | null): void {
    if (event === null) return;
    if (event.kind === "manager") return this.become(event.link === "up" ? "live" : "deaf");
    this.waiting.push(event);
    if (this.waiting.length === 1) setTimeout(() => this.handOver(), BATCH_MS);
  }

  private handOver(): void {
    const events = this.waiting;
    this.waiting = [];
    for (const follower of this.followers) follower.happened(events);
  }

  private become(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    for (const changed of this.watchers) changed();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    window.addEventListener("online", finish);
    signal.addEventListener("abort", finish);
  });
}
