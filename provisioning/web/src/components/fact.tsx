import type { ComponentChildren } from "preact";

interface FactProps {
  name: string;
  title?: string | undefined;
  children: ComponentChildren;
}

/** A name with what it is, in a list of facts. */
export function Fact({ name, title, children }: FactProps) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
