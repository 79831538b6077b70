/** The device's HTTP interface as typed calls. */

import type { Language } from "./i18n";
import type { Me, Message, Task } from "./model";

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

  /** Trade `token` for the cookie of this browser. */
  async signIn(token: string, signal?: AbortSignal): Promise<void> {
    await this.#ask("POST", "session", { headers: { Authorization: `Bearer ${token}` }, signal });
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
