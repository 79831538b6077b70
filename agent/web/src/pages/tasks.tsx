import { useEffect, useState } from "preact/hooks";

import { TaskBadge } from "../components/badge";
import { Empty, Fetched } from "../components/empty";
import { useDevice, useNow, usePaged } from "../components/hooks";
import { TasksIcon } from "../components/icons";
import { channelName, usePersonName } from "../components/names";
import { Page, ScopeSwitch } from "../components/page";
import { momentOf, words, writeAgo, writeMoment, writeShare } from "../i18n";
import type { TaskRow } from "../model";
import { addressOf, sectionAddress } from "../route";
import { FINAL, learn, outcome, share, update, type Chain, type Chains } from "../tasks";

const PAGE_SIZE = 30;
/** So often the list is fetched while nothing tells: other people's work makes no news here. */
const EVERY_MS = 8_000;
/** Of so many chains that are under way each step is followed. */
const FOLLOWED = 12;

/** What the device works on and has worked on, one row per chain. */
export function TasksPage() {
  const { api, scope } = useDevice();
  const load = (before: TaskRow | undefined) => api.tasks(scope, PAGE_SIZE, before?.id);
  const tasks = usePaged(`tasks ${scope}`, PAGE_SIZE, load, ({ id }) => id, { every_ms: EVERY_MS, on: ["message"] });
  const chains = useOpenChains(tasks.value ?? [], tasks.reload);
  return (
    <Page title={words.tasks.title} testid="tasks" tools={<ScopeSwitch label={words.tasks.scope} />}>
      <Fetched from={tasks}>
        {(rows) => rows.length === 0 ? (
          <Empty icon={<TasksIcon />} title={words.tasks.empty} text={words.tasks.emptyText} testid="tasks-empty">
            <a class="primary" href={sectionAddress("chat")}>{words.tasks.emptyAction}</a>
          </Empty>
        ) : (
          <>
            <ul class="card rows">{rows.map((row) => <Row key={row.id} row={row} chain={chains.get(row.id)} />)}</ul>
            {tasks.hasMore && (
              <button type="button" class="button more" onClick={tasks.more} data-testid="more">{words.more}</button>
            )}
          </>
        )}
      </Fetched>
    </Page>
  );
}

function Row({ row, chain }: { row: TaskRow; chain: Chain | undefined }) {
  const { scope } = useDevice();
  const nameOf = usePersonName();
  const now = useNow(10_000);
  const state = chain ? outcome(chain) : row.state;
  const isOpen = !FINAL.has(state);
  const running = chain?.steps.find((step) => step.state === "running");
  const updated = momentOf(row.updated);
  return (
    <li data-testid="task-row" data-id={row.id} data-state={state}>
      <a class="row-link task-row" href={addressOf({ page: "tasks", id: row.id })}>
        <span class="row-main">
          <span class="row-title">{row.title}</span>
          <span class="row-text">
            {scope === "all" && <span>{nameOf(row.person)} · {channelName(row.channel)}</span>}
            {running && <span>{words.steps[running.kind] ?? running.title}</span>}
            {row.error !== null && state === "failed" && <span class="is-bad">{row.error}</span>}
          </span>
        </span>
        {isOpen && chain && (
          <span class="row-progress">
            <progress max={1} value={share(chain)} aria-label={words.progress} />
            <span>{writeShare(share(chain))}</span>
          </span>
        )}
        <TaskBadge state={state} />
        <time class="row-time" dateTime={row.updated} title={writeMoment(new Date(updated))}>{writeAgo(updated, now)}</time>
      </a>
    </li>
  );
}

/** The chains among `rows` that are under way, with their steps, as live as the device tells them. */
function useOpenChains(rows: readonly TaskRow[], reload: () => void): Chains {
  const { api, bell } = useDevice();
  const [chains, setChains] = useState<Chains>(new Map());
  const open = rows.filter((row) => !FINAL.has(row.state)).slice(0, FOLLOWED).map((row) => row.id).join();

  useEffect(() => {
    let isOver = false;
    for (const id of open ? open.split(",") : []) {
      // A chain whose steps cannot be had shows its state alone.
      api.task(id).then((task) => isOver || setChains((known) => learn(known, task)), () => undefined);
    }
    return () => {
      isOver = true;
    };
  }, [api, open]);
  useEffect(() => bell.listen((_cause, news) => {
    if (news?.type !== "task") return;
    const root = news.task.root ?? news.task.id;
    setChains((known) => (known.has(root) ? update(known, news.task) : known));
    if (news.task.id === root) reload();
  }), [bell, reload]);
  return chains;
}
