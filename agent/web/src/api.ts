/** The device's HTTP interface as typed calls. */

import type { Language } from "./i18n";
import type { GateFacts } from "./door";
import type { Me, Message, ResultRow, Role, Scope, Task, TaskRow } from "./model";
import type { ChannelFacts, ChatFacts, Health, Invitation, NewChannel, People } from "./owner";

/** The device does not know this browser: there is no cookie, or it has lost its worth. */
export class SignedOut extends Error {}

/** The device answered no; `message` is its sentence for the person. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** No answer came: the device is away, or the line to it. */
export class Unreachable extends Error {}

export class Api {
  constructor(private readonly language: Language) {}

  /** Who this browser is to the device; enters with a wish that was granted. */
  gate(signal?: AbortSignal): Promise<GateFacts> {
    return this.#json("GET", "gate", { signal });
  }

  /** Own the device; gives the text of the recovery file. */
  async claim(code: string): Promise<string> {
    return (await this.#json<{ recovery: string }>("POST", "claim", sends({ code }))).recovery;
  }

  /** Own the device again by its recovery file; gives the text of the next one. */
  async recover(recovery: string): Promise<string> {
    return (await this.#json<{ recovery: string }>("POST", "recover", sends({ recovery }))).recovery;
  }

  /** Ask to be let in; `gate` then says how that stands. */
  async ask(name: string): Promise<void> {
    await this.#ask("POST", "pair", sends({ name }));
  }

  /** Trade the token of a link for the cookie of this browser. */
  async signIn(token: string, signal?: AbortSignal): Promise<void> {
    await this.#ask("POST", "session", { headers: { Authorization: `Bearer ${token}` }, signal });
  }

  /** Trade a one-time code for the cookie of this browser. */
  async redeem(code: string, signal?: AbortSignal): Promise<void> {
    await this.#ask("POST", "session", { ...sends({ code }), signal });
  }

  async signOut(): Promise<void> {
    await this.#ask("DELETE", "session", {});
  }

  me(signal?: AbortSignal): Promise<Me> {
    return this.#json("GET", "me", { signal });
  }

  /** The newest `limit` messages, ascending. */
  newest(limit: number, signal?: AbortSignal): Promise<Message[]> {
    return this.#json("GET", `messages?after=-1&limit=${limit}`, { signal });
  }

  /** At most `limit` messages before `seq`, ascending. */
  before(seq: number, limit: number): Promise<Message[]> {
    return this.#json("GET", `messages?before=${seq}&limit=${limit}`);
  }

  /** Messages after `seq`, as soon as there is one; none after `wait_s` seconds. */
  after(seq: number, wait_s: number, signal?: AbortSignal): Promise<Message[]> {
    return this.#json("GET", `messages?after=${seq}&wait=${wait_s}`, { signal });
  }

  task(id: string): Promise<Task> {
    return this.#json("GET", `tasks/${encodeURIComponent(id)}`);
  }

  cancel(id: string): Promise<Task> {
    return this.#json("POST", `tasks/${encodeURIComponent(id)}/cancel`);
  }

  retry(id: string): Promise<Task> {
    return this.#json("POST", `tasks/${encodeURIComponent(id)}/retry`);
  }

  /** At most `limit` chains that are older than the one ending in `before`, newest first. */
  tasks(scope: Scope, limit: number, before?: string): Promise<TaskRow[]> {
    return this.#json("GET", `tasks?${query({ scope, limit, before })}`);
  }

  /** At most `limit` results from before `seq`, newest first. */
  results(scope: Scope, limit: number, before?: number): Promise<ResultRow[]> {
    return this.#json("GET", `results?${query({ scope, limit, before })}`);
  }

  people(): Promise<People> {
    return this.#json("GET", "people");
  }

  async approve(request: string, role: Role): Promise<void> {
    await this.#ask("POST", `people/requests/${encodeURIComponent(request)}/approve`, sends({ role }));
  }

  async refuse(request: string): Promise<void> {
    await this.#ask("POST", `people/requests/${encodeURIComponent(request)}/refuse`, {});
  }

  /** Let a person in no more; with an identity, only there. */
  async revoke(person: string, identity?: { channel: string; sender: string }): Promise<void> {
    const { channel, sender } = identity ?? {};
    await this.#ask("DELETE", `people/${encodeURIComponent(person)}?${query({ channel, sender })}`, {});
  }

  channels(): Promise<ChannelFacts[]> {
    return this.#json("GET", "channels");
  }

  addChannel(channel: NewChannel): Promise<ChannelFacts> {
    return this.#json("POST", "channels", sends(channel));
  }

  async removeChannel(name: string): Promise<void> {
    await this.#ask("DELETE", `channels/${encodeURIComponent(name)}`, {});
  }

  /** Gives who the device is on that channel. */
  async testChannel(name: string): Promise<string> {
    return (await this.#json<{ account: string }>("POST", `channels/${encodeURIComponent(name)}/test`)).account;
  }

  health(): Promise<Health> {
    return this.#json("GET", "health");
  }

  /** Make a new recovery file; the one before becomes void. */
  async freshRecovery(): Promise<string> {
    return (await this.#json<{ recovery: string }>("POST", "recovery")).recovery;
  }

  invite(): Promise<Invitation> {
    return this.#json("POST", "invite");
  }

  chats(): Promise<ChatFacts[]> {
    return this.#json("GET", "chats");
  }

  /** At most `limit` messages of any chat, ascending: the newest, or those before `seq`. */
  conversation(channel: string, chat: string, limit: number, before?: number): Promise<Message[]> {
    const path = `chats/${encodeURIComponent(channel)}/${encodeURIComponent(chat)}/messages`;
    return this.#json("GET", `${path}?${query({ limit, before })}`);
  }

  async #json<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.#ask(method, path, init);
    return (await response.json()) as T;
  }

  async #ask(method: string, path: string, init: RequestInit): Promise<Response> {
    const headers = { "Accept-Language": this.language, ...init.headers };
    let response: Response;
    try {
      response = await fetch(`/api/v1/${path}`, { ...init, method, headers });
    } catch (error) {
      throw init.signal?.aborted ? error : new Unreachable(`${method} ${path}`, { cause: error });
    }
    if (response.ok) return response;
    throw refusal(response.status, await response.text());
  }
}

/** The part of a request that sends `value` as JSON. */
function sends(value: unknown): RequestInit {
  return { body: JSON.stringify(value), headers: { "Content-Type": "application/json" } };
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

/** Return the error that an answer with `status` and `body` stands for. */
export function refusal(status: number, body: string): SignedOut | Refused {
  if (status === 401) return new SignedOut("401");
  let said: { error?: { code?: string; message?: string } } = {};
  try {
    said = JSON.parse(body) as typeof said;
  } catch {
    // A proxy in between answered with a page of its own; the status says enough.
  }
  return new Refused(status, said.error?.code ?? "http", said.error?.message ?? `HTTP ${status}`);
}
