import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { useFormat } from "../format";
import { useWords } from "../i18n";
import { holdsAll, type LabelCount, termsOf } from "../listing";
import { Icon } from "./icon";

interface LabelFilterProps {
  labels: readonly LabelCount[];
  chosen: readonly string[];
  onChosen: (labels: readonly string[]) => void;
}

const SHOWN_MOST = 200;

/** The labels to filter by: a menu of all there are, and a chip for each that was chosen. */
export function LabelFilter({ labels, chosen, onChosen }: LabelFilterProps) {
  const words = useWords();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, [open]);
  const closeByKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    opener.current?.focus();
  };
  return (
    <>
      <div class="label-filter" ref={box} onKeyDown={closeByKey}>
        <button
          ref={opener}
          class="button"
          data-testid="labels"
          aria-expanded={open}
          aria-haspopup="dialog"
          onClick={() => setOpen(!open)}
        >
          <Icon name="tag" size={14} />
          {words.labels}
        </button>
        {open && <LabelMenu labels={labels} chosen={chosen} onChosen={onChosen} />}
      </div>
      {chosen.length > 0 && <ChosenLabels chosen={chosen} onChosen={onChosen} />}
    </>
  );
}

function ChosenLabels({ chosen, onChosen }: Pick<LabelFilterProps, "chosen" | "onChosen">) {
  const words = useWords();
  return (
    <div class="label-chips">
      {chosen.map((label) => (
        <button
          key={label}
          class="chip chosen"
          data-testid="label-chip"
          title={words.dropLabel(label)}
          aria-label={words.dropLabel(label)}
          onClick={() => onChosen(chosen.filter((other) => other !== label))}
        >
          <span class="chip-value">{label}</span>
          <Icon name="close" size={11} />
        </button>
      ))}
      {chosen.length > 1 && (
        <button class="button quiet small" data-testid="labels-clear" onClick={() => onChosen([])}>
          {words.dropLabels}
        </button>
      )}
    </div>
  );
}

function LabelMenu({ labels, chosen, onChosen }: LabelFilterProps) {
  const words = useWords();
  const format = useFormat();
  const [query, setQuery] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const fitting = useMemo(() => {
    const terms = termsOf(query);
    return labels.filter(({ label }) => holdsAll(label, terms)).slice(0, SHOWN_MOST);
  }, [labels, query]);
  const toggle = (label: string, on: boolean) =>
    onChosen(on ? [...chosen, label] : chosen.filter((other) => other !== label));
  return (
    // With a tab index a press beside the controls keeps the focus here; it would go to the whole page otherwise.
    <div class="label-menu card" role="dialog" tabIndex={-1} aria-label={words.labels} data-testid="label-menu">
      <input
        ref={field}
        class="field"
        value={query}
        placeholder={words.labelSearch}
        aria-label={words.labelSearch}
        spellcheck={false}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      <ol class="label-list">
        {fitting.map(({ label, name, value, count }, index) => (
          <li key={label}>
            {name !== fitting[index - 1]?.name && <span class="label-name">{name}</span>}
            <label>
              <input
                type="checkbox"
                checked={chosen.includes(label)}
                onChange={(event) => toggle(label, event.currentTarget.checked)}
              />
              <span class="label-value">{value}</span>
              <span class="segment-count">{format.count(count)}</span>
            </label>
          </li>
        ))}
      </ol>
      {!fitting.length && <p class="faint">{labels.length ? words.noLabelFits : words.noLabels}</p>}
    </div>
  );
}
