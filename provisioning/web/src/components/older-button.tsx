import { useWords } from "../i18n";
import type { Older } from "./older";
import { troubleSentence } from "./outcome";

/** At the end of a list: fetches the page before. */
export function OlderButton({ older }: { older: Older<unknown> }) {
  const words = useWords();
  if (!older.hasMore) return null;
  return (
    <button class="more-rows" data-testid="older" disabled={older.isBusy} onClick={older.more}>
      {older.error === null ? (older.isBusy ? words.loading : words.showOlder) : troubleSentence(older.error, words)}
    </button>
  );
}
