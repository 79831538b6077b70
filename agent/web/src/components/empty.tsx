import type { ComponentChildren } from "preact";

import { words } from "../i18n";
import { sentenceOf } from "./deed";
import type { Loaded } from "./hooks";
import { Refused } from "../api";

interface EmptyProps {
  icon: ComponentChildren;
  title: string;
  text: string;
  testid?: string;
  /** The next step. */
  children?: ComponentChildren;
}

/** Stands where something will be, and says how it gets there. */
export function Empty({ icon, title, text, testid, children }: EmptyProps) {
  return (
    <div class="empty" data-testid={testid}>
      <span class="sign sign-large">{icon}</span>
      <h2>{title}</h2>
      <p>{text}</p>
      {children}
    </div>
  );
}

interface FetchedProps<T> {
  from: Loaded<T>;
  children: (value: T) => ComponentChildren;
}

/** Draws what was fetched; until then that it comes, or why it does not. */
export function Fetched<T>({ from: { value, error, reload }, children }: FetchedProps<T>) {
  if (value !== null) return <>{children(value)}</>;
  if (error === null) return <p class="loading" role="status"><span class="spinner" /><span>{words.loading}</span></p>;
  return (
    <div class="trouble-box" role="alert" data-testid="error">
      <p>{error instanceof Refused ? sentenceOf(error) : words.failedToLoad}</p>
      <button type="button" class="button" onClick={reload}>{words.tryAgain}</button>
    </div>
  );
}
