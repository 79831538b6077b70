import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Api } from "../api";
import { Bell } from "../bell";
import { Chat, type ChatState } from "../chat";
import { words } from "../i18n";
import type { Me, Scope } from "../model";
import type { PairingRequest } from "../owner";
import { ChannelsPage } from "../pages/channels";
import { ConversationPage } from "../pages/conversation";
import { DevicePage } from "../pages/device";
import { PeoplePage } from "../pages/people";
import { ResultsPage } from "../pages/results";
import { TaskPage } from "../pages/task";
import { TasksPage } from "../pages/tasks";
import { YouPage } from "../pages/you";
import { sectionAddress, sectionOf, type Route } from "../route";
import { unread } from "../timeline";
import { ChatPage } from "./chat-page";
import { Header } from "./header";
import { DeviceContext, PeopleContext, useDevice, useLoaded, useRoute, type Device } from "./hooks";
import { channelName } from "./names";
import { Navigation } from "./navigation";
import { useTitle } from "./title";
import { Toasts, useToasts } from "./toasts";

interface ShellProps {
  api: Api;
  me: Me;
  onSignedOut: () => void;
}

/** Hidden for longer than this, a page takes its socket for dead when it comes back. */
const STALE_AFTER_MS = 20_000;
/** So often the people are fetched while nothing tells. */
const PEOPLE_EVERY_MS = 30_000;

/** What surrounds the pages of a signed-in person, and what outlives each of them: the line and the chat. */
export function Shell({ api, me, onSignedOut }: ShellProps) {
  const bell = useMemo(() => new Bell(), []);
  const { chat, state } = useChat(api, bell, onSignedOut);
  const { toasts, toast, dismiss } = useToasts();
  const [scope, setScope] = useState<Scope>("mine");
  const say = useCallback((text: string) => {
    chat.send(text, []);
    location.hash = sectionAddress("chat");
  }, [chat]);
  const device = useMemo<Device>(
    () => ({ api, me, bell, scope, setScope, toast, say, signedOut: onSignedOut }),
    [api, me, bell, scope, toast, say, onSignedOut],
  );
  const isOwner = me.person.role === "owner";
  return (
    <DeviceContext.Provider value={device}>
      {isOwner ? <Owned chat={chat} state={state} /> : <Inside chat={chat} state={state} requests={0} />}
      <Toasts toasts={toasts} dismiss={dismiss} />
    </DeviceContext.Provider>
  );
}

interface InsideProps {
  chat: Chat;
  state: ChatState;
}

/** The owner's pages, which share what is known of people; a new request is told wherever the owner is. */
function Owned({ chat, state }: InsideProps) {
  const { api, toast } = useDevice();
  const people = useLoaded("people", () => api.people(), { every_ms: PEOPLE_EVERY_MS, on: ["people"] });
  const requests = people.value?.requests;
  /** The requests that this page has seen waiting, each with what takes its sentence away. */
  const known = useRef<ReadonlyMap<string, () => void> | null>(null);
  useEffect(() => {
    if (!requests) return;
    const before = known.current;
    const isSilent = before === null || location.hash === sectionAddress("people");
    const tell = (request: PairingRequest) => isSilent ? () => undefined : toast(
      words.people.arrived(request.name, channelName(request.channel)),
      { href: sectionAddress("people"), label: words.people.look },
    );
    const now = new Map(requests.map((request) => [request.id, before?.get(request.id) ?? tell(request)]));
    before?.forEach((takeAway, id) => now.has(id) || takeAway());
    known.current = now;
  }, [requests, toast]);
  return (
    <PeopleContext.Provider value={people}>
      <Inside chat={chat} state={state} requests={requests?.length ?? 0} />
    </PeopleContext.Provider>
  );
}

function Inside({ chat, state, requests }: InsideProps & { requests: number }) {
  const { me } = useDevice();
  const route = useRoute(me.person.role);
  const content = useRef<HTMLDivElement>(null);
  const section = sectionOf(route);
  const title = section === "chat" ? me.device.name : `${words.pages[section]} · ${me.device.name}`;
  useTitle(title, state.timeline.messages);
  useArrivalFocus(section, content.current);
  const skip = (event: Event) => {
    // The fragment of the address names the page, so the focus moves without it.
    event.preventDefault();
    content.current?.focus();
  };
  return (
    <div class="shell" data-page={route.page}>
      <a class="skip" href="#content" onClick={skip}>{words.skip}</a>
      <Header name={me.device.name} isReachable={state.isReachable} isLoaded={state.isLoaded} />
      <Navigation role={me.person.role} current={section} unread={unread(state.timeline, state.read)}
        requests={requests} />
      <div class="content" ref={content} tabIndex={-1}>
        <Routed route={route} chat={chat} state={state} />
      </div>
    </div>
  );
}

function Routed({ route, chat, state }: InsideProps & { route: Route }) {
  const { me } = useDevice();
  switch (route.page) {
    case "chat":
      return <ChatPage me={me} chat={chat} state={state} />;
    case "tasks":
      return route.id === null ? <TasksPage /> : <TaskPage key={route.id} id={route.id} />;
    case "results":
      return <ResultsPage seq={route.seq} />;
    case "people":
      return <PeoplePage />;
    case "conversation":
      return <ConversationPage key={`${route.channel} ${route.chat}`} channel={route.channel} chat={route.chat} />;
    case "channels":
      return <ChannelsPage />;
    case "device":
      return <DevicePage />;
    case "you":
      return <YouPage />;
  }
}

/** The chat of this page, running as long as somebody is signed in, and its state. */
function useChat(api: Api, bell: Bell, onSignedOut: () => void): { chat: Chat; state: ChatState } {
  const [, redraw] = useState<ChatState | null>(null);
  const chat = useMemo(() => new Chat(api, redraw, bell, onSignedOut), [api, bell, onSignedOut]);
  useEffect(() => {
    chat.start();
    return () => chat.stop();
  }, [chat]);
  useReturns(chat);
  useUnsentWarning(chat);
  return { chat, state: chat.state };
}

/** Look for news at once when the page comes back to the front or the network changes. */
function useReturns(chat: Chat): void {
  useEffect(() => {
    let hiddenSince = Number.POSITIVE_INFINITY;
    const listening = new AbortController();
    const on = { signal: listening.signal };
    addEventListener("online", () => chat.resume(), on);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) hiddenSince = Date.now();
      else if (Date.now() - hiddenSince > STALE_AFTER_MS) chat.resume();
    }, on);
    return () => listening.abort();
  }, [chat]);
}

/** Let the browser ask before the page is closed over a message that is still on its way. */
function useUnsentWarning(chat: Chat): void {
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (chat.state.outgoing.some((one) => one.delivery.state !== "sent")) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [chat]);
}

/** Bring a screen reader to the page that was chosen; the first one is read anyway. */
function useArrivalFocus(section: string, content: HTMLElement | null): void {
  const shown = useRef(section);
  useEffect(() => {
    if (shown.current === section) return;
    shown.current = section;
    if (section !== "chat") content?.focus();
  }, [section, content]);
}
