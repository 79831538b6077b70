import { useWords } from "../i18n";

interface LabelsProps {
  labels: Readonly<Record<string, string>>;
  /** How many to draw before the rest is only counted. */
  most?: number;
  /** Called with `name=value` of the label that was pressed; without it labels are only shown. */
  onChoose?: (label: string) => void;
}

/** The labels of a device as chips. */
export function Labels({ labels, most = Infinity, onChoose }: LabelsProps) {
  const words = useWords();
  const pairs = Object.entries(labels);
  const hidden = pairs.slice(most);
  return (
    <span class="labels">
      {pairs.slice(0, most).map(([name, value]) => (
        <Chip key={name} name={name} value={value} onChoose={onChoose} />
      ))}
      {hidden.length > 0 && (
        <span class="chip more" title={hidden.map((pair) => pair.join(": ")).join("\n")}>
          <span aria-hidden="true">+{hidden.length}</span>
          <span class="visually-hidden">{words.moreLabels(hidden.length)}</span>
        </span>
      )}
    </span>
  );
}

function Chip({ name, value, onChoose }: { name: string; value: string; onChoose: LabelsProps["onChoose"] }) {
  const words = useWords();
  const content = (
    <>
      <span class="chip-name">{name}</span>
      <span class="chip-value">{value}</span>
    </>
  );
  if (!onChoose) return <span class="chip">{content}</span>;
  const label = `${name}=${value}`;
  return (
    <button class="chip" tabIndex={-1} title={words.filterBy(label)} onClick={() => onChoose(label)}>
      {content}
    </button>
  );
}
