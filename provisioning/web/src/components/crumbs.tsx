import { Icon } from "./icon";

export interface Crumb {
  address: string;
  name: string;
  testid: string;
}

/** The way back: the pages above this one, the nearest last. */
export function Crumbs({ crumbs }: { crumbs: readonly Crumb[] }) {
  return (
    <nav class="crumbs">
      {crumbs.map(({ address, name, testid }, index) => (
        <a key={testid} class="back" href={address} data-testid={testid}>
          {index === 0 && <Icon name="back" size={14} />}
          {index > 0 && <span class="crumb-mark" aria-hidden="true" />}
          {name}
        </a>
      ))}
    </nav>
  );
}
