import { useMemo } from "preact/hooks";

import { withGone } from "../deeds";
import { useDeeds } from "../hooks";
import { useWords } from "../i18n";
import type { DeviceDetail, Person } from "../model";
import { filterAddress } from "../router";
import { Identities, nameOf } from "./identities";
import { Revoke } from "./revoke";

/** The people whom a device knows. */
export function DevicePeople({ device }: { device: DeviceDetail }) {
  const words = useWords();
  const deeds = useDeeds();
  const people = useMemo(() => {
    const known = device.people.map((person) => ({ ...of(device), ...person }));
    const revoked = deeds.flatMap(({ about }) => (about.kind === "person" ? [about.person] : []));
    return withGone<Person>(known, revoked.filter((person) => person.device === device.id));
  }, [device, deeds]);
  return (
    <section class="section" data-testid="people">
      <div class="section-head">
        <h2>{words.people}</h2>
        <a class="section-note link" href={filterAddress("people", { query: device.name, shown: "all" })}>
          {words.all}
        </a>
      </div>
      <div class="card list">
        {!people.length && <p class="list-empty">{device.owned ? words.noPeople : words.notOwned}</p>}
        {people.map((person) => (
          <div key={person.id} class="list-row" data-testid="person" data-id={person.id}>
            <span class="list-head">
              <strong>{nameOf(person, words)}</strong>
              <span class={`badge role-${person.role}`}>{words.roles[person.role]}</span>
            </span>
            <span class="list-line">
              <Identities person={person} />
              <Revoke person={person} />
            </span>
          </div>
        ))}
        {device.cut && <p class="list-empty">{words.peopleCut}</p>}
      </div>
    </section>
  );
}

/** How a list across the fleet names this device. */
export function of(device: DeviceDetail) {
  return { device: device.id, device_name: device.name, online: device.online };
}
