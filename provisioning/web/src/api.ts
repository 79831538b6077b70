/** The manager's HTTP interface. Every call gives parsed values or raises Refused, BadAnswer or TypeError (no line). */

import { device, deviceDetail, me, result, resultDetail, task, telemetry } from "./model";
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

  tasks(id: string) {
    return this.get(`devices/${encodeURIComponent(id)}/tasks?limit=100`, list(task));
  }

  results(id: string) {
    return this.get(`devices/${encodeURIComponent(id)}/results`, list(result));
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

const refusalBody = object({ error: nullable(object({ code: text, message: text })) });

async function refusal(response: Response): Promise<Refused> {
  const unnamed = new Refused(response.status, "unknown", `HTTP ${response.status}`);
  if (!response.headers.get("Content-Type")?.includes("json")) return unnamed;
  const { error } = refusalBody(await response.json(), "error");
  return error ? new Refused(response.status, error.code, error.message) : unnamed;
}
