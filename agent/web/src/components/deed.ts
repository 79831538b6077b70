import { useCallback, useRef, useState } from "preact/hooks";

import { Refused } from "../api";
import { words } from "../i18n";

export interface Deed {
  /** Whether the device is being asked. */
  isBusy: boolean;
  /** One sentence on why the last try failed, or null. */
  problem: string | null;
  setProblem: (problem: string | null) => void;
  /** Do something on the device, one at a time; `failed` hears of the error before the person does. */
  act: (what: () => Promise<void>, failed?: (error: unknown) => void) => Promise<void>;
}

/** Something that a person does on the device: whether it is under way, and how it ended. */
export function useDeed(): Deed {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const isUnderWay = useRef(false);
  const act = useCallback(async (what: () => Promise<void>, failed?: (error: unknown) => void) => {
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await what();
    } catch (error) {
      failed?.(error);
      setProblem(sentenceOf(error));
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  }, []);
  return { isBusy, problem, setProblem, act };
}

/** What a person is told about `error`. */
export function sentenceOf(error: unknown): string {
  return error instanceof Refused ? error.message : words.failedToDo;
}
