/** Which files the next message takes along, within the device's limits. */

import { words, writeBytes } from "./i18n";
import type { Me } from "./model";

export interface Admission {
  files: readonly File[];
  /** Why not all of the added files were taken, or null. */
  problem: string | null;
}

/** Return `files` with as many of `added` as the limits let in. */
export function admit(files: readonly File[], added: readonly File[], limits: Me["limits"]): Admission {
  const tooLarge = added.find((file) => file.size > limits.attachment_bytes);
  const wanted = [...files, ...added.filter((file) => file.size <= limits.attachment_bytes)];
  return { files: wanted.slice(0, limits.files), problem: problem(tooLarge, wanted.length, limits) };
}

function problem(tooLarge: File | undefined, wanted: number, limits: Me["limits"]): string | null {
  if (tooLarge) return words.fileTooLarge(tooLarge.name, writeBytes(limits.attachment_bytes));
  return wanted > limits.files ? words.tooManyFiles(limits.files) : null;
}
