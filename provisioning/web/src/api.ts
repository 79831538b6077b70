/** The manager's HTTP interface. Every call gives parsed values or raises Refused, BadAnswer or TypeError (no line). */

import {
  command, device, deviceDetail, fleetChannel, fleetPeople, me, result, resultDetail, type ResultsChoice, type Role,
  settings, task, taskDetail, telemetry,
} from "./model";
import { list, nullable, object, type Parse, text } from "./parse";

/** The manager said no; `message` is its own sentence, in the language asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What can be asked of a device. */
export type Order =
  | { verb: "pair.approve"; request: string; role: Role }
  | { verb: "pair.refuse"; request: string }
  | { verb: "pair.revoke"; person: string; channel?: string; sender?: string }
  | { verb: "task.cancel" | "task.retry"; task: string };

export class Api {
  /** `language` is asked at every call, because the person may switch it. */
  constructor(private readonly language: () => string) {}

  signIn(code: string) {
    return this.call("POST", "session", { code });
  }

  signOut() {
    return this.call("DELETE", "session");
  }

  me() {
    return this.get("me", me);
  }

  devices() {
    return this.get("devices", list(device));
  }

  device(id: string) {
    return this.get(`devices/${encodeURIComponent(id)}`, deviceDetail);
  }

  telemetry(id: string, hours: number) {
    return this.get(`devices/${encodeURIComponent(id)}/telemetry?hours=${hours}`, telemetry);
  }

  /** The newest tasks, or those before the task `before`. */
  tasks(id: string, before?: string) {
    return this.get(`devices/${encodeURIComponent(id)}/tasks?limit=${PAGE}${olderThan(before)}`, list(task));
  }

  task(id: string, task: string) {
    return this.get(`devices/${encodeURIComponent(id)}/tasks/${encodeURIComponent(task)}`, taskDetail);
  }

  /** The newest results, or those before the result `before`. */
  results(id: string, before?: string) {
    return this.get(`devices/${encodeURIComponent(id)}/results?limit=${PAGE}${olderThan(before)}`, list(result));
  }

  commands(id: string) {
    return this.get(`devices/${encodeURIComponent(id)}/commands?limit=20`, list(command));
  }

  /** Ask a device for something; the answer is "sent" where it has not said anything within a few seconds. */
  async order(id: string, order: Order) {
    const path = `devices/${encodeURIComponent(id)}/commands`;
    return command(await (await this.call("POST", path, order)).json(), path);
  }

  /** Say how the device should be set; null leaves it to the device. */
  async set(id: string, results: ResultsChoice | null) {
    const path = `devices/${encodeURIComponent(id)}/settings`;
    return settings(await (await this.call("PUT", path, { results })).json(), path);
  }

  people() {
    return this.get("people", fleetPeople);
  }

  channels() {
    return this.get("channels", list(fleetChannel));
  }

  result(id: string) {
    return this.get(`results/${encodeURIComponent(id)}`, resultDetail);
  }

  /** Open the stream of events; the caller reads the body. */
  stream(signal: AbortSignal) {
    return this.call("GET", "stream", undefined, signal);
  }

  private async get<T>(path: string, parse: Parse<T>): Promise<T> {
    const response = await this.call("GET", path);
    return parse(await response.json(), path);
  }

  private async call(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { "Accept-Language": this.language() };
    if (body) headers["Content-Type"] = "application/json";
    const response = await fetch(`/api/v1/${path}`, {
      method,
      headers,
      body: body ? JSON.stringify(body) : null,
      signal: signal ?? null,
      cache: "no-store",
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

/** How many tasks or results are fetched at once. */
export const PAGE = 100;

function olderThan(before: string | undefined): string {
  return before ? `&before=${encodeURIComponent(before)}` : "";
}

const refusalBody = object({ error: nullable(object({ code: text, message: text })) });

async function refusal(response: Response): Promise<Refused> {
  const unnamed = new Refused(response.status, "unknown", `HTTP ${response.status}`);
  if (!response.headers.get("Content-Type")?.includes("json")) return unnamed;
  const { error } = refusalBody(await response.json(), "error");
  return error ? new Refused(response.status, error.code, error.message) : unnamed;
}
