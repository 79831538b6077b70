import { useConnection, useFollowed } from "../hooks";
import { startOfDay } from "../format";
import { type Arrivals, arrivalsAfter } from "../store";

/** The manager lists results per device; beyond this many devices asking each of them costs too much. */
const DEVICES_ASKED = 40;

/** The results of today where the fleet is small enough to ask for them, else those since this page has been open. */
export function useArrivals(ids: readonly string[] | null): Arrivals | null {
  const { api } = useConnection();
  const asked = ids && ids.length <= DEVICES_ASKED ? ids : null;
  const load = async (): Promise<Arrivals> => {
    if (!asked) return { from: Date.now(), created: new Map() };
    const lists = await Promise.all(asked.map((id) => api.results(id)));
    return { from: startOfDay(Date.now()), created: new Map(lists.flat().map((r) => [r.id, r.created])) };
  };
  const arrivals = useFollowed(asked ? `arrivals of ${asked.join(" ")}` : "arrivals from now on", load, arrivalsAfter);
  return ids && arrivals.value;
}
