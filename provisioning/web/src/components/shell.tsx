import { useEffect, useMemo, useRef } from "preact/hooks";

import { useConnection, useFollowed } from "../hooks";
import { useWords } from "../i18n";
import type { Me } from "../model";
import { ChannelsPage } from "../pages/channels";
import { DevicePage } from "../pages/device";
import { DevicesPage } from "../pages/devices";
import { PeoplePage } from "../pages/people";
import { ResultPage } from "../pages/result";
import { TaskPage } from "../pages/task";
import { devicesAddress, EVERYTHING, useRoute } from "../router";
import { byId, devicesAfter, waitingIn } from "../store";
import { useArrivals } from "./arrivals";
import { TopBar } from "./topbar";

interface ShellProps {
  me: Me;
  onLanguage: () => void;
  onSignOut: () => void;
}

/** What surrounds the pages, and what they share: the devices stay known while one of them is looked at. */
export function Shell({ me, onLanguage, onSignOut }: ShellProps) {
  const words = useWords();
  const { api } = useConnection();
  const route = useRoute();
  const devices = useFollowed("devices", async () => byId(await api.devices()), devicesAfter);
  const ids = useMemo(() => (devices.value ? [...devices.value.keys()] : null), [devices.value?.size]);
  const arrivals = useArrivals(ids);
  const waiting = useMemo(() => waitingIn(devices.value), [devices.value]);
  const lastList = useRef(devicesAddress(EVERYTHING));
  const scrolled = useRef(0);

  useEffect(() => {
    if (route.page === "devices") lastList.current = devicesAddress(route.view);
  }, [route]);

  const back = lastList.current;
  const nameOf = (id: string) => devices.value?.get(id)?.name ?? id;
  return (
    <>
      <a class="skip" href="#content" onClick={focusContent}>
        {words.skip}
      </a>
      <TopBar me={me} page={route.page} home={back} waiting={waiting} onLanguage={onLanguage} onSignOut={onSignOut} />
      <main id="content" tabIndex={-1}>
        {route.page === "devices" && (
          <DevicesPage devices={devices} arrivals={arrivals} view={route.view} waiting={waiting} scrolled={scrolled} />
        )}
        {route.page === "device" && <DevicePage key={route.id} id={route.id} back={back} />}
        {route.page === "task" && (
          <TaskPage
            key={`${route.device} ${route.id}`}
            device={route.device}
            id={route.id}
            deviceName={nameOf(route.device)}
            back={back}
          />
        )}
        {route.page === "result" && (
          <ResultPage
            key={route.id}
            device={route.device}
            id={route.id}
            deviceName={nameOf(route.device)}
            back={back}
          />
        )}
        {route.page === "people" && <PeoplePage filter={route.filter} />}
        {route.page === "channels" && <ChannelsPage filter={route.filter} />}
      </main>
    </>
  );
}

/** The fragment of the address belongs to the router, so the skip link moves the focus by itself. */
function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
