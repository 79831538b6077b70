import { words } from "../i18n";
import { Mark } from "./icons";

interface HeaderProps {
  name: string;
  isReachable: boolean;
  /** Whether the device has answered at least once. */
  isLoaded: boolean;
}

export function Header({ name, isReachable, isLoaded }: HeaderProps) {
  const state = isReachable ? "online" : isLoaded ? "reconnecting" : "connecting";
  return (
    <header class="header">
      <div class="header-inner">
        <Mark />
        <h1>{name}</h1>
        <p class="connection" role="status" data-testid="connection" data-state={state}>
          <span class="connection-dot" aria-hidden="true" />
          {words[state]}
        </p>
      </div>
    </header>
  );
}
