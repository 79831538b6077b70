import { useFormat } from "../format";
import { useWords } from "../i18n";
import type { Device } from "../model";

interface StateProps {
  device: Pick<Device, "online" | "last_seen">;
  now: number;
}

/** Whether a device is reachable, as a dot with words. */
export function DeviceState({ device, now }: StateProps) {
  const words = useWords();
  const format = useFormat();
  const since = device.online ? null : device.last_seen;
  const offline = since === null ? words.offline : words.offlineSince(format.shortly(since, now));
  return (
    <span class={`state ${device.online ? "online" : "offline"}`} data-state={device.online ? "online" : "offline"}>
      <span class="dot" />
      <span class="state-words" title={since === null ? undefined : format.moment(since)}>
        {device.online ? words.online : offline}
      </span>
    </span>
  );
}
