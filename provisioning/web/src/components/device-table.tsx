import { useFormat } from "../format";
import { useMedia, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Device } from "../model";
import { type Column, COLUMNS, deviceAddress, type View } from "../router";
import { DeviceBadges } from "./device-badges";
import { Icon } from "./icon";
import { Labels } from "./labels";
import { Meter } from "./meter";
import { type Place, rowAt, RowTable } from "./row-table";
import { DeviceState } from "./state";
import { TaskCounts } from "./task-counts";

/** The heights that styles/devices.css gives a row, in pixels: a line of the table, and a card on a narrow screen. */
const ROW_HEIGHT = 60;
const CARD_HEIGHT = 184;
const NARROW = "(max-width: 1179px)";

const HEADERS = [
  "state", "name", "labels", "board", "version", "cpu", "memory", "disk", "temperature", "tasks", "seen",
] as const;

interface TableProps {
  devices: readonly Device[];
  view: View;
  onView: (view: View) => void;
}

/** The devices as rows. */
export function DeviceTable({ devices, view, onView }: TableProps) {
  const words = useWords();
  const now = useNow();
  const narrow = useMedia(NARROW);
  const choose = (label: string) => {
    if (!view.labels.includes(label)) onView({ ...view, labels: [...view.labels, label] });
  };
  const head = HEADERS.map((header) => <Header key={header} header={header} view={view} onView={onView} />);
  return (
    <RowTable kind="devices" label={words.devices} head={head} items={devices} height={narrow ? CARD_HEIGHT : ROW_HEIGHT}>
      {(device, place) => <DeviceRow key={device.id} device={device} now={now} place={place} onLabel={choose} />}
    </RowTable>
  );
}

interface HeaderProps {
  header: (typeof HEADERS)[number];
  view: View;
  onView: (view: View) => void;
}

function Header({ header, view, onView }: HeaderProps) {
  const words = useWords();
  const column: Column | undefined = COLUMNS.find((name) => name === header);
  if (!column) {
    return (
      <span class={`head ${header}`} role="columnheader">
        {words.column[header]}
      </span>
    );
  }
  const sorted = view.sort === column;
  const direction = view.descending ? "descending" : "ascending";
  const descending = sorted ? !view.descending : startsDescending(column);
  return (
    <span class={`head ${header}`} role="columnheader" aria-sort={sorted ? direction : "none"}>
      <button
        data-testid={`sort-${column}`}
        class={sorted ? "sorted" : undefined}
        onClick={() => onView({ ...view, sort: column, descending })}
      >
        {words.column[header]}
        <Icon name={sorted && view.descending ? "down" : "up"} size={12} />
      </button>
    </span>
  );
}

/** Figures are first shown with the highest on top, names from A. */
export function startsDescending(column: Column): boolean {
  return !["state", "name", "board", "version"].includes(column);
}

interface RowProps {
  device: Device;
  now: number;
  place: Place;
  onLabel: (label: string) => void;
}

function DeviceRow({ device, now, place, onLabel }: RowProps) {
  const words = useWords();
  const format = useFormat();
  const { health, last_seen: seen } = device;
  const address = deviceAddress(device.id);
  const open = (event: MouseEvent) => {
    if (!(event.target as Element).closest("a, button") && !getSelection()?.toString()) location.hash = address;
  };
  return (
    <div
      {...rowAt(place)}
      class={device.online ? "row device-row" : "row device-row is-offline"}
      data-testid="device-row"
      data-id={device.id}
      onClick={open}
    >
      <span class="cell state" role="cell">
        <DeviceState device={device} now={now} />
      </span>
      <span class="cell name" role="cell">
        <span class="name-line">
          <a class="row-link" href={address}>
            {device.name}
          </a>
          <DeviceBadges device={device} />
        </span>
        <span class="mono faint">{device.id}</span>
      </span>
      <span class="cell labels" role="cell">
        <Labels labels={device.labels} most={3} onChoose={onLabel} />
      </span>
      <span class="cell board" role="cell" title={device.board ?? undefined}>
        {device.board ?? words.none}
      </span>
      <span class="cell version" role="cell">
        {device.version ?? words.none}
      </span>
      <span class="cell cpu" role="cell" data-name={words.column.cpu}>
        <Meter reading="cpu" share={health?.cpu ?? null} label={words.column.cpu} />
      </span>
      <span class="cell memory" role="cell" data-name={words.column.memory}>
        <Meter reading="memory" share={health?.memory ?? null} label={words.column.memory} />
      </span>
      <span class="cell disk" role="cell" data-name={words.column.disk}>
        <Meter reading="disk" share={health?.disk ?? null} label={words.column.disk} />
      </span>
      <span class="cell temperature" role="cell">
        {health?.temperature == null ? words.none : format.degrees(health.temperature)}
      </span>
      <span class="cell tasks" role="cell">
        <TaskCounts tasks={device.tasks} />
      </span>
      <span class="cell seen" role="cell" title={seen === null ? undefined : format.moment(seen)}>
        {seen === null ? words.neverSeen : format.ago(seen, now)}
      </span>
    </div>
  );
}
