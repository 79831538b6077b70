import { useState } from "preact/hooks";

import { useFormat } from "../format";
import { type Followed, useConnection, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Result } from "../model";
import { resultAddress } from "../router";
import { Empty, Trouble } from "./empty";
import { Icon } from "./icon";
import { useOlder } from "./older";
import { OlderButton } from "./older-button";

const SHOWN_FIRST = 8;

interface ResultsProps {
  id: string;
  results: Followed<readonly Result[]>;
}

/** What a device has found, each with the way to its report. */
export function Results({ id, results }: ResultsProps) {
  const words = useWords();
  const format = useFormat();
  const now = useNow();
  const { api } = useConnection();
  const [all, setAll] = useState(false);
  const older = useOlder(results.value, (before) => api.results(id, before));
  const shown = all ? older.items : older.items.slice(0, SHOWN_FIRST);
  return (
    <section class="section" data-testid="results">
      <div class="section-head">
        <h2>{words.results}</h2>
      </div>
      {results.error && !results.value ? <Trouble error={results.error} onAgain={results.reload} /> : null}
      {results.value && (
        <div class="card">
          {!shown.length && (
            <Empty icon="done" title={words.noResults} testid="no-results">
              <p>{words.noResultsBody}</p>
            </Empty>
          )}
          <ol class="result-list">
            {shown.map((result) => (
              <li key={result.id}>
                <a href={resultAddress(id, result.id)} data-testid="result" data-id={result.id}>
                  <Icon name="report" />
                  <span class="result-title">{result.title}</span>
                  <span class="result-fact">{format.bytes(result.bytes)}</span>
                  <span class="result-fact" title={format.moment(result.created)}>
                    {format.ago(result.created, now)}
                  </span>
                  <Icon name="next" size={14} />
                </a>
              </li>
            ))}
          </ol>
          {older.items.length > shown.length ? (
            <button class="more-rows" data-testid="more-results" onClick={() => setAll(true)}>
              {words.showMore(older.items.length - shown.length)}
            </button>
          ) : (
            <OlderButton older={older} />
          )}
        </div>
      )}
    </section>
  );
}
