import { useLayoutEffect, useMemo } from "preact/hooks";

import { Empty, Trouble } from "../components/empty";
import { PeopleTable } from "../components/people-table";
import { Requests, useRequests } from "../components/requests";
import { Search } from "../components/search";
import { Segments } from "../components/segments";
import { type Deeds, withGone } from "../deeds";
import { useFormat } from "../format";
import { useConnection, useDeeds, useFollowed, useReloadAfter, useTitle } from "../hooks";
import { useWords } from "../i18n";
import { byText, holdsAll, termsOf } from "../listing";
import type { FleetEvent, FleetPeople, Person } from "../model";
import { type Filter, filterAddress, PEOPLE_SHOWN, type PeopleShown, replaceAddress } from "../router";

/** How soon to fetch anew after what surely concerns the page, and after what may. */
const SOON_MS = 1000;
const SOMETIME_MS = 20_000;

/** Who may talk to the devices, and who asks to. */
export function PeoplePage({ filter }: { filter: Filter<PeopleShown> }) {
  const words = useWords();
  const { api, deeds } = useConnection();
  const people = useFollowed("people", () => api.people(), (value) => value);
  const known = people.value;
  useReloadAfter(people.reload, (event) => surelyConcerns(event, known, deeds), SOON_MS);
  useReloadAfter(people.reload, (event) => event.kind === "device", SOMETIME_MS);
  useTitle(words.people);
  useLayoutEffect(() => scrollTo(0, 0), []);
  const waiting = useMemo(
    () => (people.value?.requests ?? []).toSorted((a, b) => a.created_ms - b.created_ms),
    [people.value],
  );
  const requests = useRequests(waiting, null);
  return (
    <div class="page" data-testid="people-page">
      <h1 class="page-title">{words.people}</h1>
      {people.error && !people.value ? <Trouble error={people.error} onAgain={people.reload} /> : null}
      {!people.value && !people.error && <div class="card waiting" role="status" aria-label={words.loading} />}
      {people.value && (
        <>
          <section class="section" data-testid="requests">
            <div class="section-head">
              <h2>{words.requests}</h2>
              {requests.length > 0 && <span class="section-note">{words.requestsHint}</span>}
            </div>
            {requests.length ? (
              <Requests requests={requests} across />
            ) : (
              <div class="card quiet-note" data-testid="no-requests">
                <strong>{words.noRequests}</strong>
                <span class="faint">{words.noRequestsBody}</span>
              </div>
            )}
          </section>
          <Paired people={people.value.people} filter={filter} />
        </>
      )}
    </div>
  );
}

function Paired({ people, filter }: { people: readonly Person[]; filter: Filter<PeopleShown> }) {
  const words = useWords();
  const format = useFormat();
  const deeds = useDeeds();
  const all = useMemo(() => {
    const revoked = deeds.flatMap(({ about }) => (about.kind === "person" ? [about.person] : []));
    const compare = (a: Person, b: Person) =>
      byText.compare(a.name, b.name) || byText.compare(a.device_name, b.device_name);
    return withGone(people, revoked).sort(compare);
  }, [people, deeds]);
  const shown = useMemo(() => {
    const terms = termsOf(filter.query);
    return all.filter(
      (person) => (filter.shown === "all" || person.role === filter.shown) && holdsAll(textOf(person), terms),
    );
  }, [all, filter.query, filter.shown]);
  const owners = useMemo(() => all.filter((person) => person.role === "owner").length, [all]);
  const change = (next: Filter<PeopleShown>) => replaceAddress(filterAddress("people", next));
  return (
    <section class="section" data-testid="paired">
      <div class="section-head">
        <h2>{words.paired}</h2>
      </div>
      <div class="toolbar">
        <Search
          query={filter.query}
          onQuery={(query) => change({ ...filter, query })}
          hint={words.searchPeople}
          label={words.searchPeople}
        />
        <Segments
          label={words.role}
          choices={PEOPLE_SHOWN}
          chosen={filter.shown}
          onChoose={(choice) => change({ ...filter, shown: choice })}
          say={(choice) => (choice === "all" ? words.all : words.roles[choice])}
          counts={{ all: all.length, owner: owners, user: all.length - owners }}
        />
        <span class="toolbar-count" role="status" data-testid="listed">
          {words.peopleShown(format.count(shown.length), format.count(all.length))}
        </span>
      </div>
      {shown.length ? (
        <PeopleTable people={shown} />
      ) : (
        <div class="card">
          <Empty icon="people" title={all.length ? words.noPersonFits : words.noPeople} testid="no-people">
            {!all.length && <p>{words.noPeopleBody}</p>}
          </Empty>
        </div>
      )}
    </section>
  );
}

/** Whether somebody asks, was decided about, or is known anew on a device of which this page has asked something. */
function surelyConcerns(event: FleetEvent, known: FleetPeople | null, deeds: Deeds): boolean {
  if (event.kind === "command") return event.command.state !== "sent";
  if (event.kind !== "device" || !known) return false;
  const { id, requests } = event.device;
  if (deeds.all().some((deed) => deed.device === id)) return true;
  return requests !== known.requests.filter((request) => request.device === id).length;
}

function textOf(person: Person): string {
  const identities = person.identities.map((one) => `${one.channel} ${one.sender} ${one.name}`);
  return [person.name, person.id, person.device, person.device_name, ...identities].join("\n");
}
