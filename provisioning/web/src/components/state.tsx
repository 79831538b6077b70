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
  const since = !device.online && device.last_seen !== null;
  return (
    <span class={`state ${device.online ? "online" : "offline"}`} data-state={device.online ? "online" : "offline"}>
      <span class="dot" />
      <span class="state-words" title={since ? format.moment(device.last_seen!) : undefined}>
        {device.online ? words.online : since ? words.offlineSince(format.shortly(device.last_seen!, now)) : words.offline}
      </span>
    </span>
  );
}
