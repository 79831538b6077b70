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
      <Mark />
      <p class="header-name" title={name}>{name}</p>
      <p class="connection" role="status" title={words[state]} data-testid="connection" data-state={state}>
        <span class="connection-dot" aria-hidden="true" />
        <span class="connection-words">{words[state]}</span>
      </p>
    </header>
  );
}
