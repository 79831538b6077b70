import { useLanguage, useWords } from "../i18n";
import type { Channel, ChannelState } from "../model";

/** The state of a channel in one word; what was last known of an offline device is drawn pale. */
export function ChannelBadge({ state, online }: { state: ChannelState; online: boolean }) {
  const words = useWords();
  return (
    <span class={online ? `badge channel-${state}` : "badge"} title={words.channelHints[state]}>
      {words.channelState[state]}
    </span>
  );
}

/** Why a channel is as it is: its own sentence, else what its state means. */
export function useChannelSentence(): (channel: Pick<Channel, "state" | "en" | "zh" | "online">) => string {
  const words = useWords();
  const language = useLanguage();
  return (channel) => {
    const said = channel[language] || words.channelHints[channel.state];
    return channel.online ? said : `${said} (${words.lastKnown})`;
  };
}
