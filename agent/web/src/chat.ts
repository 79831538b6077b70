/** One conversation with one device: joins the line, the uploads and the pure cores, and holds what is drawn. */

import { Refused, SignedOut, type Api } from "./api";
import type { Bell } from "./bell";
import { language, words } from "./i18n";
import { Line } from "./line";
import type { Message, News } from "./model";
import { deliver, unseen, without, type Outgoing } from "./outgoing";
import { isOver, learn, update, type Chains } from "./tasks";
import { advance, EMPTY, isAnswered, merge, prepend, type Timeline } from "./timeline";
import { Aborted, freshKey, upload } from "./upload";

const PAGE = 50;
/** So often the device is asked how its work stands while nothing tells. */
const ASK_EVERY_MS = 2_000;

export interface ChatState {
  timeline: Timeline;
  outgoing: readonly Outgoing[];
  chains: Chains;
  /** Whether the newest messages have been loaded once. */
  isLoaded: boolean;
  isReachable: boolean;
  isLoadingOlder: boolean;
  /** Everything up to here was on the screen. */
  read: number;
  /** One sentence for the person, or null. */
  notice: string | null;
}

/** What is written and not sent yet; it outlives the page that shows it. */
export interface Draft {
  text: string;
  files: readonly File[];
}

export class Chat {
  readonly draft: Draft = { text: "", files: [] };
  #state: ChatState = {
    timeline: EMPTY,
    outgoing: [],
    chains: new Map(),
    isLoaded: false,
    isReachable: false,
    isLoadingOlder: false,
    read: 0,
    notice: null,
  };
  #aborts = new Map<string, () => void>();
  #asking: ReturnType<typeof setInterval> | undefined;
  #asked = new Set<string>();
  #line: Line;

  constructor(
    private readonly api: Api,
    private readonly changed: (state: ChatState) => void,
    /** Rings for what is not the chat's alone. */
    private readonly bell: Bell,
    private readonly signedOut: () => void,
  ) {
    this.#line = new Line(api, PAGE, {
      loaded: (messages) => this.#loaded(messages),
      news: (news) => this.#heard(news),
      reachable: (isReachable) => this.#reachable(isReachable),
      polling: (isPolling) => this.#polling(isPolling),
      signedOut,
    });
  }

  get state(): ChatState {
    return this.#state;
  }

  start(): void {
    this.#line.start();
  }

  stop(): void {
    this.#line.stop();
  }

  /** Look again at once: the page came back to the front or the network changed. */
  resume(): void {
    this.#line.resume();
  }

  /** Everything up to `seq` is on the screen. */
  drawn(seq: number): void {
    this.#line.acknowledge(seq);
    if (seq > this.#state.read) this.#set({ read: seq });
  }

  notify(notice: string | null): void {
    this.#set({ notice });
  }

  send(text: string, files: readonly File[]): void {
    const outgoing: Outgoing = {
      key: freshKey(),
      text,
      files,
      created: new Date(),
      delivery: { state: "sending", sent: 0, total: 0 },
      writtenAfter: this.#state.timeline.messages.at(-1)?.seq ?? 0,
    };
    this.#set({ outgoing: [...this.#state.outgoing, outgoing], notice: null });
    void this.#deliver(outgoing);
  }

  /** Send again what was lost or refused, under its own key. */
  retry(key: string): void {
    const outgoing = this.#state.outgoing.find((one) => one.key === key);
    if (!outgoing) return;
    this.notify(null);
    void this.#deliver(outgoing);
  }

  /** Take back a message that the device has not stored. */
  discard(key: string): void {
    this.#aborts.get(key)?.();
    this.#set({ outgoing: without(this.#state.outgoing, key), notice: null });
  }

  async older(): Promise<void> {
    const { timeline, isLoadingOlder } = this.#state;
    const first = timeline.messages[0];
    if (!first || !timeline.hasOlder || isLoadingOlder) return;
    this.#set({ isLoadingOlder: true });
    try {
      const page = await this.api.before(first.seq, PAGE);
      this.#set({ timeline: prepend(this.#state.timeline, page, PAGE), isLoadingOlder: false });
    } catch (error) {
      this.#set({ isLoadingOlder: false, notice: words.olderFailed });
      this.#failed(error);
    }
  }

  async cancel(task: string): Promise<void> {
    try {
      const cancelled = await this.api.cancel(task);
      this.#set({ chains: learn(this.#state.chains, cancelled) });
    } catch (error) {
      this.#set({ notice: error instanceof Refused ? error.message : words.cancelFailed });
      this.#failed(error);
    }
  }

  async #deliver({ key, text, files }: Outgoing): Promise<void> {
    const sending = upload({ key, text, files }, language, (sent, total) =>
      this.#delivery(key, { state: "sending", sent, total }),
    );
    this.#aborts.set(key, sending.abort);
    this.#delivery(key, { state: "sending", sent: 0, total: 0 });
    try {
      const { message_id } = await sending.answer;
      this.#delivery(key, { state: "sent", id: message_id });
    } catch (error) {
      if (error instanceof Aborted) return;
      const isRefused = error instanceof Refused;
      this.#delivery(key, { state: isRefused ? "refused" : "lost" });
      if (isRefused) this.notify(error.message);
      this.#failed(error);
    } finally {
      this.#aborts.delete(key);
    }
  }

  #delivery(key: string, delivery: Outgoing["delivery"]): void {
    const outgoing = deliver(this.#state.outgoing, key, delivery);
    this.#set({ outgoing: this.#withoutArrived(outgoing) });
  }

  #loaded(messages: readonly Message[]): void {
    this.#set({ timeline: prepend(this.#state.timeline, messages, PAGE), isLoaded: true });
    for (const message of messages) this.#follow(message);
  }

  #heard(news: News): void {
    this.bell.ring(news.type, news);
    switch (news.type) {
      case "message": {
        this.#set({ timeline: merge(this.#state.timeline, [news.message]) });
        this.#set({ outgoing: this.#withoutArrived(this.#state.outgoing) });
        this.#follow(news.message);
        return;
      }
      case "state":
        return this.#set({ timeline: advance(this.#state.timeline, news.seq, news.state) });
      case "task":
        return this.#set({ chains: update(this.#state.chains, news.task) });
    }
  }

  /** What the device has stored and shown needs its own row no longer; what is still sending keeps its try alive. */
  #withoutArrived(outgoing: readonly Outgoing[]): readonly Outgoing[] {
    const left = unseen(outgoing, this.#state.timeline.messages);
    return outgoing.filter((one) => one.delivery.state === "sending" || left.includes(one));
  }

  #reachable(isReachable: boolean): void {
    this.#set({ isReachable });
    if (!isReachable) return;
    this.bell.ring("back");
    for (const one of this.#state.outgoing) if (one.delivery.state === "lost") void this.#deliver(one);
    this.#learnOpen();
  }

  #polling(isPolling: boolean): void {
    clearInterval(this.#asking);
    if (isPolling) this.#asking = setInterval(() => this.#learnOpen(), ASK_EVERY_MS);
  }

  #learnOpen(): void {
    for (const chain of this.#state.chains.values()) if (!isOver(chain)) void this.#learn(chain.root);
  }

  /** Learn how the work stands that `message` set off, unless its answer is there. */
  #follow(message: Message): void {
    if (message.direction !== "in" || message.task_id === null) return;
    if (!isAnswered(this.#state.timeline, message.id)) void this.#learn(message.task_id);
  }

  async #learn(task: string): Promise<void> {
    if (this.#asked.has(task)) return;
    this.#asked.add(task);
    try {
      const answer = await this.api.task(task);
      this.#set({ chains: learn(this.#state.chains, answer) });
    } catch (error) {
      // Progress is a courtesy; the answer itself comes as a message.
      this.#failed(error);
    } finally {
      this.#asked.delete(task);
    }
  }

  #failed(error: unknown): void {
    if (error instanceof SignedOut) this.signedOut();
  }

  #set(change: Partial<ChatState>): void {
    this.#state = { ...this.#state, ...change };
    this.changed(this.#state);
  }
}
