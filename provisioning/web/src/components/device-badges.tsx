import { useFormat } from "../format";
import { useWords } from "../i18n";
import type { Device } from "../model";
import { troubledChannels } from "../trouble";
import { Icon } from "./icon";

/** What waits for somebody at a device: people to be let in, channels that do not work. */
export function DeviceBadges({ device }: { device: Device }) {
  const words = useWords();
  const format = useFormat();
  const troubled = troubledChannels(device);
  const requests = words.requestsCount(format.count(device.requests));
  const trouble = troubled.map((channel) => `${channel.name}: ${words.channelState[channel.state]}`).join("\n");
  return (
    <>
      {device.requests > 0 && (
        <span class="mark asks" title={requests} data-testid="badge-requests">
          <Icon name="people" size={12} />
          <span aria-hidden="true">{format.count(device.requests)}</span>
          <span class="visually-hidden">{requests}</span>
        </span>
      )}
      {troubled.length > 0 && (
        <span class="mark ails" title={trouble} data-testid="badge-channels">
          <Icon name="alert" size={12} />
          <span aria-hidden="true">{troubled[0]!.name}</span>
          <span class="visually-hidden">{trouble}</span>
        </span>
      )}
    </>
  );
}
