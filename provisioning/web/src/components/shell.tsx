import { useEffect, useMemo, useRef } from "preact/hooks";

import { useConnection, useFollowed } from "../hooks";
import { useWords } from "../i18n";
import type { Me } from "../model";
import { DevicePage } from "../pages/device";
import { DevicesPage } from "../pages/devices";
import { devicesAddress, EVERYTHING, useRoute } from "../router";
import { byId, devicesAfter } from "../store";
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
  const lastList = useRef(devicesAddress(EVERYTHING));
  const scrolled = useRef(0);

  useEffect(() => {
    if (route.page === "devices") lastList.current = devicesAddress(route.view);
  }, [route]);

  return (
    <>
      <a class="skip" href="#content" onClick={focusContent}>
        {words.skip}
      </a>
      <TopBar me={me} home={lastList.current} onLanguage={onLanguage} onSignOut={onSignOut} />
      <main id="content" tabIndex={-1}>
        {route.page === "devices" ? (
          <DevicesPage devices={devices} arrivals={arrivals} view={route.view} scrolled={scrolled} />
        ) : (
          <DevicePage key={route.id} id={route.id} chosen={route.result} back={lastList.current} />
        )}
      </main>
    </>
  );
}

/** The fragment of the address belongs to the router, so the skip link moves the focus by itself. */
function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
