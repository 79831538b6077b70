import { useFormat } from "../format";
import { useWords } from "../i18n";
import { LEVELS } from "../trouble";

interface MeterProps {
  reading: keyof typeof LEVELS;
  share: number | null;
  label: string;
}

/** A share as a small bar with its figure. */
export function Meter({ reading, share, label }: MeterProps) {
  const words = useWords();
  const format = useFormat();
  if (share === null) return <span class="meter none">{words.none}</span>;
  const [high, full] = LEVELS[reading];
  const level = share >= full ? "bad" : share >= high ? "warn" : "good";
  return (
    <span class={`meter ${level}`} role="img" aria-label={`${label} ${format.percent(share)}`}>
      <span class="meter-figure">{format.percent(share)}</span>
      <span class="meter-bar">
        <span class="meter-fill" style={{ width: `${Math.min(100, Math.max(0, share * 100))}%` }} />
      </span>
    </span>
  );
}
