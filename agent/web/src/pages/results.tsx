import { useCallback, useState } from "preact/hooks";

import { Attachments } from "../components/attachments";
import { Empty, Fetched } from "../components/empty";
import { useDevice, useLoaded, useNow, usePaged } from "../components/hooks";
import { BackIcon, ResultsIcon } from "../components/icons";
import { Lightbox, type Picture } from "../components/lightbox";
import { channelName, usePersonName } from "../components/names";
import { Page, ScopeSwitch } from "../components/page";
import { DocumentView } from "../document";
import { momentOf, words, writeAgo, writeMoment, writeWhen } from "../i18n";
import type { ResultRow } from "../model";
import { addressOf, sectionAddress } from "../route";

const PAGE_SIZE = 30;
const EVERY_MS = 20_000;

/**
 * The reports that the device has written: a list, and the one that is read, which is the newest until another is chosen.
 * On a phone, one or the other.
 */
export function ResultsPage({ seq }: { seq: number | null }) {
  const { api, scope } = useDevice();
  const load = (before: ResultRow | undefined) => api.results(scope, PAGE_SIZE, before?.seq);
  const results = usePaged(`results ${scope}`, PAGE_SIZE, load, (row) => row.seq, { every_ms: EVERY_MS, on: ["message"] });
  return (
    <Page title={words.results.title} testid="results" tools={<ScopeSwitch label={words.results.scope} />} isWide>
      <Fetched from={results}>
        {(rows) => rows[0] === undefined && seq === null ? (
          <Empty icon={<ResultsIcon />} title={words.results.empty} text={words.results.emptyText} testid="results-empty">
            <a class="primary" href={sectionAddress("chat")}>{words.results.emptyAction}</a>
          </Empty>
        ) : (
          <div class={seq === null ? "results" : "results results-reading"}>
            <div class="result-list">
              <ul class="card rows">{rows.map((row) => <Entry key={row.seq} row={row} isRead={row.seq === (seq ?? rows[0]?.seq)} />)}</ul>
              {results.hasMore && (
                <button type="button" class="button more" onClick={results.more} data-testid="more">{words.more}</button>
              )}
            </div>
            <div class="result-view">
              <a class="back back-narrow" href={sectionAddress("results")} data-testid="back">
                <BackIcon />
                {words.results.allResults}
              </a>
              <Chosen seq={seq ?? rows[0]?.seq ?? 0} rows={rows} />
            </div>
          </div>
        )}
      </Fetched>
    </Page>
  );
}

function Chosen({ seq, rows }: { seq: number; rows: readonly ResultRow[] }) {
  return <Report key={seq} seq={seq} known={rows.find((row) => row.seq === seq)} />;
}

function Entry({ row, isRead }: { row: ResultRow; isRead: boolean }) {
  const { scope } = useDevice();
  const nameOf = usePersonName();
  const now = useNow(30_000);
  const when = momentOf(row.created);
  return (
    <li data-testid="result" data-seq={row.seq}>
      <a class="row-link" href={addressOf({ page: "results", seq: row.seq })} aria-current={isRead || undefined}>
        <span class="row-main">
          <span class="row-title">{row.title}</span>
          <span class="row-text">
            <time dateTime={row.created} title={writeMoment(new Date(when))}>{writeAgo(when, now)}</time>
            {scope === "all" && <span>{nameOf(row.person)} · {channelName(row.channel)}</span>}
          </span>
        </span>
      </a>
    </li>
  );
}

/** One report: `known` from the list, or fetched when the list does not reach so far back. */
function Report({ seq, known }: { seq: number; known: ResultRow | undefined }) {
  const { api, me } = useDevice();
  const scope = me.person.role === "owner" ? "all" : "mine";
  const fetched = useLoaded(`result ${seq}`, async () => {
    const rows = known ? [known] : await api.results(scope, 1, seq + 1);
    return rows.filter((row) => row.seq === seq);
  });
  if (known) return <Reading row={known} />;
  return (
    <Fetched from={fetched}>
      {([row]) => (row ? <Reading row={row} /> : <p class="card result-none" role="alert">{words.results.gone}</p>)}
    </Fetched>
  );
}

function Reading({ row }: { row: ResultRow }) {
  const { me, say } = useDevice();
  const nameOf = usePersonName();
  const [picture, setPicture] = useState<Picture | null>(null);
  const close = useCallback(() => setPicture(null), []);
  const isMine = row.person === me.person.id;
  return (
    <article class="card report" data-testid="report" data-seq={row.seq}>
      <header class="report-head">
        <h2>{row.title}</h2>
        <p class="row-text">
          <time dateTime={row.created}>{writeWhen(new Date(momentOf(row.created)))}</time>
          {!isMine && <span>{nameOf(row.person)} · {channelName(row.channel)}</span>}
          <a href={addressOf({ page: "tasks", id: row.task_id })}>{words.results.task}</a>
        </p>
      </header>
      <DocumentView document={row.document ?? {}} onCommand={isMine ? say : undefined} onPicture={setPicture}
        labels={words} />
      {row.attachments.length > 0 && (
        <section class="report-files" aria-label={words.results.files}>
          <Attachments attachments={row.attachments} onPicture={setPicture} />
        </section>
      )}
      {picture && <Lightbox picture={picture} onClose={close} />}
    </article>
  );
}
