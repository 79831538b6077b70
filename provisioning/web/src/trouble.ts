/** What deserves a look. Pure. */

import type { ChannelState, Device } from "./model";

/** From which share on a reading deserves a look, and when it deserves haste. */
export const LEVELS = { cpu: [0.9, 1.01], memory: [0.85, 0.95], disk: [0.85, 0.95] } as const;

const CHANNEL_TROUBLE: ReadonlySet<ChannelState> = new Set(["unreachable", "refused", "contested", "broken"]);

export function isChannelTrouble(state: ChannelState): boolean {
  return CHANNEL_TROUBLE.has(state);
}

/** The channels of a device that do not work; none while it is offline, since then nothing is known of them. */
export function troubledChannels(device: Pick<Device, "online" | "channels">): Device["channels"] {
  return device.online ? device.channels.filter((channel) => isChannelTrouble(channel.state)) : [];
}

/** Whether a device has a channel that does not work, memory or a disk almost full, or tasks that failed lately. */
export function isInTrouble(device: Device): boolean {
  if (device.tasks.failed > 0) return true;
  if (!device.online) return false;
  const isFull = (["memory", "disk"] as const).some((name) => (device.health?.[name] ?? 0) >= LEVELS[name][1]);
  return isFull || troubledChannels(device).length > 0;
}
