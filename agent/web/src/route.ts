/** Which page is shown, read from and written to the fragment of the address. */

import type { Role } from "./model";

export type Route =
  | { page: "chat" }
  | { page: "tasks"; id: string | null }
  | { page: "results"; seq: number | null }
  | { page: "people" }
  | { page: "conversation"; channel: string; chat: string }
  | { page: "channels" }
  | { page: "device" }
  | { page: "you" };

export type PageName = Route["page"];

/** The pages in the navigation, in their order. */
export const PAGES: Readonly<Record<Role, readonly PageName[]>> = {
  owner: ["chat", "tasks", "results", "people", "channels", "device"],
  user: ["chat", "tasks", "results", "you"],
};

/** Return the route that `hash` names for somebody of this role; an address that leads nowhere leads to the chat. */
export function parseRoute(hash: string, role: Role): Route {
  const [page = "", first, second] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  switch (page) {
    case "tasks":
      return { page, id: first || null };
    case "results":
      return { page, seq: /^\d+$/.test(first ?? "") ? Number(first) : null };
    case "people":
      if (role !== "owner") break;
      return first && second ? { page: "conversation", channel: first, chat: second } : { page };
    case "channels":
    case "device":
      if (role !== "owner") break;
      return { page };
    case "you":
      if (role !== "user") break;
      return { page };
  }
  return { page: "chat" };
}

export function addressOf(route: Route): string {
  switch (route.page) {
    case "tasks":
      return route.id === null ? "#/tasks" : `#/tasks/${encodeURIComponent(route.id)}`;
    case "results":
      return route.seq === null ? "#/results" : `#/results/${route.seq}`;
    case "conversation":
      return `#/people/${encodeURIComponent(route.channel)}/${encodeURIComponent(route.chat)}`;
    default:
      return `#/${route.page}`;
  }
}

/** The entry of the navigation under which the page lies. */
export function sectionOf(route: Route): PageName {
  return route.page === "conversation" ? "people" : route.page;
}

/** Return the address of the first page of a section. */
export function sectionAddress(page: PageName): string {
  return `#/${page}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
