import type { ComponentChildren } from "preact";

import { words } from "../i18n";
import type { Role } from "../model";
import { PAGES, sectionAddress, type PageName } from "../route";
import { ChannelsIcon, ChatIcon, DeviceIcon, PeopleIcon, PersonIcon, ResultsIcon, TasksIcon } from "./icons";

interface NavigationProps {
  role: Role;
  current: PageName;
  unread: number;
  requests: number;
}

const ICONS: Readonly<Record<PageName, () => ComponentChildren>> = {
  chat: ChatIcon,
  tasks: TasksIcon,
  results: ResultsIcon,
  people: PeopleIcon,
  conversation: ChatIcon,
  channels: ChannelsIcon,
  device: DeviceIcon,
  you: PersonIcon,
};

/** The ways to the pages: beside them where there is room, below them on a phone. */
export function Navigation({ role, current, unread, requests }: NavigationProps) {
  return (
    <nav class="nav" aria-label={words.navigation}>
      <ul>
        {PAGES[role].map((page) => {
          const Icon = ICONS[page];
          return (
            <li key={page}>
              <a href={sectionAddress(page)} aria-current={page === current ? "page" : undefined}
                title={words.pages[page]} data-testid={`nav-${page}`}>
                <Icon />
                <span class="nav-name">{words.pages[page]}</span>
                {page === "chat" && <Count count={unread} says={words.unread(unread)} />}
                {page === "people" && <Count count={requests} says={words.waitingRequests(requests)} />}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Count({ count, says }: { count: number; says: string }) {
  if (count === 0) return null;
  return (
    <span class="count" data-testid="count">
      <span aria-hidden="true">{count > 99 ? "99+" : count}</span>
      <span class="unseen">{says}</span>
    </span>
  );
}
