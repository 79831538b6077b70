import type { ComponentChildren } from "preact";

import { useWords } from "../i18n";
import { Icon, type IconName } from "./icon";
import { troubleSentence } from "./outcome";

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  testid?: string;
}

/** Stands where something will be, and says how it gets there. */
export function Empty({ icon, title, children, testid }: EmptyProps) {
  return (
    <div class="empty" data-testid={testid}>
      <span class="empty-icon">
        <Icon name={icon} size={22} />
      </span>
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** What went wrong with a fetch, and the way to try it again. */
export function Trouble({ error, onAgain }: { error: unknown; onAgain: () => void }) {
  const words = useWords();
  return (
    <div class="trouble-box" role="alert" data-testid="error">
      <p>{troubleSentence(error, words)}</p>
      <button class="button" onClick={onAgain}>
        {words.tryAgain}
      </button>
    </div>
  );
}
