/** Sends one message with its files and reports progress, which `fetch` cannot. */

import { refusal, Unreachable } from "./api";
import type { Language } from "./i18n";
import type { Accepted } from "./model";

export interface Letter {
  key: string;
  text: string;
  files: readonly File[];
}

export interface Upload {
  /** Resolves once the device has stored the message; rejects with SignedOut, Refused, Unreachable or Aborted. */
  answer: Promise<Accepted>;
  abort(): void;
}

/** The person took the message back while it was under way. */
export class Aborted extends Error {}

export function upload(letter: Letter, language: Language, progress: (sent: number, total: number) => void): Upload {
  const request = new XMLHttpRequest();
  const answer = new Promise<Accepted>((resolve, reject) => {
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onload = () => {
      if (request.status === 202) resolve(JSON.parse(request.responseText) as Accepted);
      else reject(refusal(request.status, request.responseText));
    };
    request.onerror = () => reject(new Unreachable("POST messages"));
    request.onabort = () => reject(new Aborted("POST messages"));
  });
  request.open("POST", "/api/v1/messages");
  request.setRequestHeader("Idempotency-Key", letter.key);
  request.setRequestHeader("Accept-Language", language);
  request.send(form(letter, language));
  return { answer, abort: () => request.abort() };
}

function form(letter: Letter, language: Language): FormData {
  const body = new FormData();
  body.append("text", letter.text);
  body.append("language", language);
  for (const file of letter.files) body.append("file", file, file.name);
  return body;
}

/** A key nobody else has: 128 random bits. `randomUUID` is missing on plain http over a local network. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
