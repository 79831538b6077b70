import { useEffect, useRef } from "preact/hooks";

import { useWords } from "../i18n";
import { Icon } from "./icon";

interface SearchProps {
  query: string;
  onQuery: (query: string) => void;
  /** What can be searched for. */
  hint: string;
  label: string;
}

/** The search field of a page; the slash key leads to it. */
export function Search({ query, onQuery, hint, label }: SearchProps) {
  const words = useWords();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);
  return (
    <label class="search">
      <Icon name="search" />
      <input
        ref={field}
        data-testid="search"
        value={query}
        placeholder={hint}
        aria-label={label}
        spellcheck={false}
        onInput={(event) => onQuery(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && onQuery("")}
      />
      {query ? (
        <button class="search-clear" aria-label={words.clearSearch} onClick={() => onQuery("")}>
          <Icon name="close" size={14} />
        </button>
      ) : (
        <kbd>/</kbd>
      )}
    </label>
  );
}
