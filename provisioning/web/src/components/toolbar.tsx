import { useFormat } from "../format";
import { useWords } from "../i18n";
import type { LabelCount } from "../listing";
import { type Column, COLUMNS, SHOWN, type Shown, type View } from "../router";
import { startsDescending } from "./device-table";
import { Icon } from "./icon";
import { LabelFilter } from "./label-filter";
import { Search } from "./search";
import { Segments } from "./segments";

interface ToolbarProps {
  view: View;
  onView: (view: View) => void;
  counts: Record<Shown, number>;
  labels: readonly LabelCount[];
  listed: number;
}

/** Search, filters, and on narrow screens the order. */
export function Toolbar({ view, onView, counts, labels, listed }: ToolbarProps) {
  const words = useWords();
  const format = useFormat();
  return (
    <div class="toolbar">
      <Search
        query={view.query}
        onQuery={(query) => onView({ ...view, query })}
        hint={words.search}
        label={words.searchShort}
      />
      <Segments
        label={words.column.state}
        choices={SHOWN}
        chosen={view.shown}
        onChoose={(shown) => onView({ ...view, shown })}
        say={(shown) => words[shown]}
        counts={counts}
      />
      <LabelFilter labels={labels} chosen={view.labels} onChosen={(chosen) => onView({ ...view, labels: chosen })} />
      <SortOrder view={view} onView={onView} />
      <span class="toolbar-count" role="status" data-testid="listed">
        {words.showing(format.count(listed), format.count(counts.all))}
      </span>
    </div>
  );
}

function SortOrder({ view, onView }: Pick<ToolbarProps, "view" | "onView">) {
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
