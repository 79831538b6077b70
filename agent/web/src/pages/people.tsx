import { useContext, useState } from "preact/hooks";

import { Confirm } from "../components/dialog";
import { Empty, Fetched } from "../components/empty";
import { PeopleContext, useDevice, useLoaded, useNow, type Loaded } from "../components/hooks";
import { PersonIcon } from "../components/icons";
import { calledBy, channelName } from "../components/names";
import { Page } from "../components/page";
import { words, writeDate } from "../i18n";
import type { ChatFacts, Identity, People, PersonFacts } from "../owner";
import { addressOf, sectionAddress } from "../route";
import { RequestCard } from "./request";

/** Who may talk to the device, and who asks to. */
export function PeoplePage() {
  const people = useContext(PeopleContext);
  const { api } = useDevice();
  const chats = useLoaded("chats", () => api.chats(), { on: ["people"] });
  if (!people) return null;
  return (
    <Page title={words.people.title} testid="people">
      <Fetched from={people}>
        {(value) => (
          <>
            <Requests people={value} reload={people.reload} />
            <Known people={value.people} chats={chats} reload={people.reload} />
          </>
        )}
      </Fetched>
    </Page>
  );
}

function Requests({ people: { requests, turned_away }, reload }: { people: People; reload: () => void }) {
  const { me } = useDevice();
  const now = useNow(1000);
  return (
    <section class="section" aria-labelledby="waiting">
      <h2 id="waiting">{words.people.waiting}</h2>
      {requests.length === 0 ? (
        <div class="card">
          <Empty icon={<PersonIcon />} title={words.people.nobodyWaits} text={words.people.nobodyWaitsText(me.address)}
            testid="requests-empty">
            <a class="button" href={sectionAddress("channels")}>{words.people.nobodyWaitsAction}</a>
          </Empty>
        </div>
      ) : (
        <>
          <p class="section-text">{words.people.compare}</p>
          <ul class="cards">
            {requests.map((request) => <RequestCard key={request.id} request={request} now={now} reload={reload} />)}
          </ul>
        </>
      )}
      {turned_away > 0 && <p class="section-text" data-testid="turned-away">{words.people.turnedAway(turned_away)}</p>}
    </section>
  );
}

interface KnownProps {
  people: readonly PersonFacts[];
  chats: Loaded<readonly ChatFacts[]>;
  reload: () => void;
}

function Known({ people, chats, reload }: KnownProps) {
  return (
    <section class="section" aria-labelledby="known">
      <h2 id="known">{words.people.known}</h2>
      <p class="section-text">{words.people.knownText}</p>
      <ul class="card rows">
        {people.map((person) => (
          <PersonRow key={person.id} person={person} reload={reload}
            chats={(chats.value ?? []).filter((chat) => chat.person === person.id)} />
        ))}
      </ul>
    </section>
  );
}

interface PersonRowProps {
  person: PersonFacts;
  chats: readonly ChatFacts[];
  reload: () => void;
}

function PersonRow({ person, chats, reload }: PersonRowProps) {
  const { api, me, toast } = useDevice();
  /** What is about to be revoked: the whole person, or how they come in on one channel. */
  const [revoking, setRevoking] = useState<"person" | Identity | null>(null);
  const name = calledBy(person);
  const isMe = person.id === me.person.id;
  const canLose = (identity: Identity) => isMe ? identity.channel !== "web" : person.identities.length > 1;
  const revoke = async () => {
    await api.revoke(person.id, revoking === "person" || revoking === null ? undefined : revoking);
    toast(words.people.revoked(nameOf(revoking, person)));
    reload();
  };
  return (
    <li class="person" data-testid="person" data-id={person.id}>
      <span class="avatar" aria-hidden="true">{initial(name)}</span>
      <div class="person-main">
        <div class="person-head">
          <strong>{name}</strong>
          <span class={`badge badge-${person.role}`}>{words.people.roles[person.role]}</span>
          {isMe && <span class="faint">{words.people.you}</span>}
          {!isMe && (
            <button type="button" class="button quiet-danger" onClick={() => setRevoking("person")} data-testid="revoke">
              {words.people.revoke}
            </button>
          )}
        </div>
        <ul class="identities">
          {person.identities.map((identity) => (
            <li key={`${identity.channel} ${identity.sender}`} data-testid="identity">
              <span>{channelName(identity.channel)}</span>
              {identity.name && identity.name !== name && <span class="faint">{identity.name}</span>}
              {identity.since_ms > 0 && (
                <span class="faint">{words.people.identitySince(writeDate(new Date(identity.since_ms)))}</span>
              )}
              {canLose(identity) && (
                <button type="button" class="link" onClick={() => setRevoking(identity)} data-testid="revoke-identity">
                  {words.people.revoke}
                </button>
              )}
            </li>
          ))}
        </ul>
        {!isMe && chats.length > 0 && (
          <p class="person-chats">
            {chats.map(({ channel, chat, count }) => (
              <a key={`${channel} ${chat}`} href={addressOf({ page: "conversation", channel, chat })}
                data-testid="conversation-link">
                {channelName(channel)}: {words.people.messageCount(count)}
              </a>
            ))}
          </p>
        )}
      </div>
      {revoking !== null && (
        <Confirm title={words.people.revokeTitle(nameOf(revoking, person))} isDanger
          text={revoking === "person" ? words.people.revokeText : words.people.revokeIdentityText}
          yes={words.people.revokeYes} no={words.people.keep} act={revoke} onClose={() => setRevoking(null)} />
      )}
    </li>
  );
}

/** What is revoked, as a person says it. */
function nameOf(what: "person" | Identity | null, person: PersonFacts): string {
  if (what === "person" || what === null) return calledBy(person);
  return `${what.name || calledBy(person)} (${channelName(what.channel)})`;
}

function initial(name: string): string {
  return [...name.trim()][0]?.toUpperCase() ?? "?";
}
