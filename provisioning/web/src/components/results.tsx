import { useEffect, useState } from "preact/hooks";

import { useFormat } from "../format";
import { type Followed, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Result } from "../model";
import { deviceAddress } from "../router";
import { Empty, Trouble } from "./empty";
import { Report } from "./report";

interface ResultsProps {
  id: string;
  results: Followed<readonly Result[]>;
  /** The result that the address names. */
  chosen: string | null;
}

/** The results of a device beside the report of one of them: the one in the address, else the newest at first sight. */
export function Results({ id, results, chosen }: ResultsProps) {
  const words = useWords();
  const [first, setFirst] = useState<string | null>(null);
  const newest = results.value?.[0]?.id ?? null;
  useEffect(() => setFirst((known) => known ?? newest), [newest]);
  const shown = chosen ?? first;

  return (
    <section class="section" data-testid="results">
      <div class="section-head">
        <h2>{words.results}</h2>
      </div>
      {results.error && !results.value ? <Trouble error={results.error} onAgain={results.reload} /> : null}
      {results.value && !results.value.length && !shown && (
        <div class="card">
          <Empty icon="done" title={words.noResults} testid="no-results">
            <p>{words.noResultsBody}</p>
          </Empty>
        </div>
      )}
      {shown && (
        <div class="results">
          <ResultList device={id} results={results.value ?? []} shown={shown} />
          <Report key={shown} id={shown} scrollTo={chosen !== null} />
        </div>
      )}
    </section>
  );
}

function ResultList({ device, results, shown }: { device: string; results: readonly Result[]; shown: string }) {
  const format = useFormat();
  const now = useNow();
  return (
    <ol class="result-list card">
      {results.map((result) => (
        <li key={result.id}>
          <a
            href={deviceAddress(device, result.id)}
            aria-current={result.id === shown ? "true" : undefined}
            data-testid="result"
            data-id={result.id}
          >
            <span class="result-title">{result.title}</span>
            <span class="result-facts">
              <span title={format.moment(result.created)}>{format.ago(result.created, now)}</span>
              <span>{format.bytes(result.bytes)}</span>
            </span>
          </a>
        </li>
      ))}
    </ol>
  );
}
