import { useEffect, useRef } from "preact/hooks";

import { useFormat } from "../format";
import { useWords } from "../i18n";
import { type Column, COLUMNS, type Shown, type View } from "../router";
import { startsDescending } from "./device-table";
import { Icon } from "./icon";

interface ToolbarProps {
  view: View;
  onView: (view: View) => void;
  counts: Record<Shown, number>;
  listed: number;
}

/** Search, filter, and on narrow screens the order. */
export function Toolbar({ view, onView, counts, listed }: ToolbarProps) {
  const words = useWords();
  const format = useFormat();
  return (
    <div class="toolbar">
      <Search query={view.query} onQuery={(query) => onView({ ...view, query })} />
      <div class="segments" role="group">
        {(["all", "online", "offline"] as const).map((shown) => (
          <button
            key={shown}
            data-testid={`show-${shown}`}
            aria-pressed={view.shown === shown}
            onClick={() => onView({ ...view, shown })}
          >
            {words[shown]} <span class="segment-count">{format.count(counts[shown])}</span>
          </button>
        ))}
      </div>
      <Order view={view} onView={onView} />
      <span class="toolbar-count" role="status" data-testid="listed">
        {words.showing(format.count(listed), format.count(counts.all))}
      </span>
    </div>
  );
}

function Search({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
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
        placeholder={words.search}
        aria-label={words.searchShort}
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

function Order({ view, onView }: Pick<ToolbarProps, "view" | "onView">) {
  const words = useWords();
  const choose = (sort: Column) => onView({ ...view, sort, descending: startsDescending(sort) });
  const direction = view.descending ? words.descending : words.ascending;
  return (
    <div class="order">
      <select
        class="field"
        data-testid="order"
        aria-label={words.sortBy}
        value={view.sort}
        onChange={(event) => choose(event.currentTarget.value as Column)}
      >
        {COLUMNS.map((column) => (
          <option key={column} value={column}>
            {words.column[column]}
          </option>
        ))}
      </select>
      <button
        class="button square"
        title={direction}
        aria-label={direction}
        onClick={() => onView({ ...view, descending: !view.descending })}
      >
        <Icon name={view.descending ? "down" : "up"} />
      </button>
    </div>
  );
}
