import { useLayoutEffect, useRef } from "preact/hooks";

import { useFormat } from "../format";

interface SegmentsProps<S extends string> {
  label: string;
  choices: readonly S[];
  chosen: S;
  onChoose: (choice: S) => void;
  say: (choice: S) => string;
  counts: Readonly<Record<S, number>>;
}

/** One choice of a few, each with how many it would show. */
export function Segments<S extends string>({ label, choices, chosen, onChoose, say, counts }: SegmentsProps<S>) {
  const format = useFormat();
  const box = useRef<HTMLDivElement>(null);
  // On a narrow screen the choices scroll sideways; what was chosen should be in sight.
  useLayoutEffect(() => {
    const pressed = box.current?.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (pressed) box.current!.scrollLeft = pressed.offsetLeft - (box.current!.clientWidth - pressed.offsetWidth) / 2;
  }, [chosen]);
  return (
    <div class="segments" role="group" aria-label={label} ref={box}>
      {choices.map((choice) => (
        <button
          key={choice}
          class={choice === "trouble" && counts[choice] > 0 ? "is-trouble" : undefined}
          data-testid={`show-${choice}`}
          aria-pressed={choice === chosen}
          onClick={() => onChoose(choice)}
        >
          {say(choice)} <span class="segment-count">{format.count(counts[choice])}</span>
        </button>
      ))}
    </div>
  );
}
