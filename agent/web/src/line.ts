/** Carries out what `connection.ts` decides: requests, the WebSocket and the timer, one of them at a time. */

import { SignedOut, type Api } from "./api";
import { IDLE, step, type Action, type Event, type Line as LineState } from "./connection";
import type { Message, News } from "./model";

const POLL_S = 25;
const PING_MS = 25_000;
const OPENING_LIMIT_MS = 10_000;

export interface Listener {
  /** The newest messages there are; `limit` of them, or all when there are fewer. */
  loaded(messages: readonly Message[]): void;
  news(news: News): void;
  reachable(isReachable: boolean): void;
  /** Messages come by long polls from now on, or no longer. These bring no news of tasks. */
  polling(isPolling: boolean): void;
  signedOut(): void;
}

export class Line {
  #state: LineState = IDLE;
  #socket: WebSocket | null = null;
  #drop: () => void = () => undefined;
  #acknowledged = 0;

  constructor(
    private readonly api: Api,
    private readonly newest: number,
    private readonly listener: Listener,
  ) {}

  start(): void {
    this.#happened({ type: "started" });
  }

  /** Look again at once: the page came back to the front or the network changed. */
  resume(): void {
    this.#happened({ type: "resumed" });
  }

  stop(): void {
    this.#happened({ type: "stopped" });
  }

  /** Tell the device that everything up to `seq` is on the screen. */
  acknowledge(seq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, seq);
    this.#send({ type: "ack", seq: this.#acknowledged });
  }

  #happened(event: Event): void {
    const before = this.#state;
    const [state, actions] = step(before, event, Math.random());
    this.#state = state;
    if (state.reachable !== before.reachable) this.listener.reachable(state.reachable);
    const isPolling = state.phase === "polling";
    if (isPolling !== (before.phase === "polling")) this.listener.polling(isPolling);
    for (const action of actions) this.#act(action);
  }

  #act(action: Action): void {
    switch (action.do) {
      case "load":
        return this.#request((signal) => this.api.newest(this.newest, signal), (messages) => {
          this.listener.loaded(messages);
          this.#happened({ type: "loaded", newest: highest(messages) });
        });
      case "poll":
        return this.#request((signal) => this.api.after(action.after, POLL_S, signal), (messages) => {
          for (const message of messages) this.listener.news({ type: "message", message });
          this.#happened({ type: "polled", newest: highest(messages) });
        });
      case "open":
        return this.#open(action.after);
      case "wake": {
        const timer = setTimeout(() => this.#happened({ type: "woke" }), action.after_ms);
        this.#drop = () => clearTimeout(timer);
        return;
      }
      case "drop":
        return this.#drop();
    }
  }

  #request(ask: (signal: AbortSignal) => Promise<Message[]>, use: (messages: Message[]) => void): void {
    const control = new AbortController();
    this.#drop = () => control.abort();
    ask(control.signal).then(
      (messages) => {
        if (!control.signal.aborted) use(messages);
      },
      (error: unknown) => {
        if (control.signal.aborted) return;
        this.#happened({ type: "failed" });
        if (error instanceof SignedOut) this.listener.signedOut();
      },
    );
  }

  #open(after: number): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/ws?after=${after}`);
    const tooLong = setTimeout(() => socket.close(), OPENING_LIMIT_MS);
    const pings = setInterval(() => this.#send({ type: "ping" }), PING_MS);
    const heard = new AbortController();
    const done = () => {
      clearTimeout(tooLong);
      clearInterval(pings);
      heard.abort();
      this.#socket = null;
    };
    const on = { signal: heard.signal };
    socket.addEventListener("open", () => {
      clearTimeout(tooLong);
      this.#socket = socket;
      this.#happened({ type: "opened" });
      if (this.#acknowledged > 0) this.#send({ type: "ack", seq: this.#acknowledged });
    }, on);
    socket.addEventListener("message", ({ data }) => this.#heard(JSON.parse(String(data)) as News), on);
    socket.addEventListener("close", () => {
      done();
      this.#happened({ type: "failed" });
    }, on);
    this.#drop = () => {
      done();
      socket.close();
    };
  }

  #heard(news: News): void {
    this.listener.news(news);
    if (news.type === "message") this.#happened({ type: "received", seq: news.message.seq });
  }

  #send(what: { type: "ack"; seq: number } | { type: "ping" }): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(what));
  }
}

function highest(messages: readonly Message[]): number {
  return messages.at(-1)?.seq ?? 0;
}
