import type { ComponentChildren } from "preact";

import { words } from "../i18n";
import type { Scope } from "../model";
import { useDevice } from "./hooks";
import { BackIcon } from "./icons";

interface PageProps {
  title: string;
  /** One sentence under the title. */
  text?: string;
  testid: string;
  /** The list that this page belongs to. */
  back?: { href: string; label: string };
  /** What can be done with the whole page, beside its title. */
  tools?: ComponentChildren;
  /** Whether the page takes all the width there is. */
  isWide?: boolean;
  children: ComponentChildren;
}

/** A page other than the chat: its title, what can be done with it, and its parts. */
export function Page({ title, text, testid, back, tools, isWide, children }: PageProps) {
  return (
    <main class="page-scroller" data-testid={testid}>
      <div class={isWide ? "page-column page-column-wide" : "page-column"}>
        {back && <a class="back" href={back.href} data-testid="back"><BackIcon />{back.label}</a>}
        <div class="page-head">
          <h1>{title}</h1>
          {tools}
          {text && <p class="page-text">{text}</p>}
        </div>
        {children}
      </div>
    </main>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  options: readonly { value: T; label: string; lang?: string }[];
  value: T;
  onChange: (value: T) => void;
  testid: string;
}

/** A choice of one among few. */
export function Segments<T extends string>({ label, options, value, onChange, testid }: SegmentsProps<T>) {
  return (
    <div class="segments" role="group" aria-label={label} data-testid={testid}>
      {options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === value} lang={option.lang}
          onClick={() => onChange(option.value)} data-testid={`${testid}-${option.value}`}>
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** The owner's switch between their own and everybody's; nothing for others. */
export function ScopeSwitch({ label }: { label: string }) {
  const { me, scope, setScope } = useDevice();
  if (me.person.role !== "owner") return null;
  const options = [
    { value: "mine" as Scope, label: words.tasks.mine },
    { value: "all" as Scope, label: words.tasks.all },
  ];
  return <Segments label={label} options={options} value={scope} onChange={setScope} testid="scope" />;
}
