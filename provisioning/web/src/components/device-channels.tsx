import { useFormat } from "../format";
import { useNow } from "../hooks";
import { useWords } from "../i18n";
import type { DeviceDetail } from "../model";
import { ChannelBadge, useChannelSentence } from "./channel-state";
import { of } from "./device-people";

/** The ways to talk to a device, each with its state and why. */
export function DeviceChannels({ device }: { device: DeviceDetail }) {
  const words = useWords();
  const format = useFormat();
  const now = useNow();
  const sentence = useChannelSentence();
  return (
    <section class="section" data-testid="channels">
      <div class="section-head">
        <h2>{words.channels}</h2>
      </div>
      <div class="card list">
        {!device.channels.length && <p class="list-empty">{words.noChannels}</p>}
        {device.channels.map((channel) => (
          <div
            key={channel.name}
            class="list-row"
            data-testid="channel"
            data-id={channel.name}
            data-state={channel.state}
          >
            <span class="list-head">
              <strong>{channel.name}</strong>
              {channel.kind !== channel.name && <span class="faint">{channel.kind}</span>}
              <ChannelBadge state={channel.state} online={device.online} />
            </span>
            {channel.account && <span class="mono soft">{channel.account}</span>}
            <span class="list-note">
              {sentence({ ...of(device), ...channel })}
              {channel.since_ms > 0 && (
                <span class="faint" title={format.moment(channel.since_ms)}>
                  {" "}
                  · {format.ago(channel.since_ms, now)}
                </span>
              )}
            </span>
          </div>
        ))}
      </div>
    </section>
  );
}
