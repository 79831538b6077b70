import { DocumentView } from "@document";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { Refused } from "../api";
import { useFormat } from "../format";
import { useConnection } from "../hooks";
import { useWords } from "../i18n";
import type { Plot, ResultDetail } from "../model";
import { Trouble } from "./empty";
import { PlotPictures, pictureAddress } from "./plot-pictures";

interface ReportProps {
  id: string;
  /** Whether somebody asked for this result, so that it should come into sight. */
  scrollTo: boolean;
}

/** One result: what it is, its plots, its report; the Markdown as it is where a device sent no tree of it. */
export function Report({ id, scrollTo }: ReportProps) {
  const words = useWords();
  const { api } = useConnection();
  const [result, setResult] = useState<ResultDetail | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);
  const box = useRef<HTMLElement>(null);

  useEffect(() => {
    let wanted = true;
    api.result(id).then(
      (answer) => wanted && setResult(answer),
      (reason: unknown) => wanted && setError(reason),
    );
    return () => {
      wanted = false;
    };
  }, [id, turn]);

  useEffect(() => {
    if (result && scrollTo) box.current?.scrollIntoView({ block: "nearest" });
  }, [result, scrollTo]);

  const again = () => {
    setError(null);
    setTurn(turn + 1);
  };
  return (
    <article class="report card" data-testid="report" data-id={id} ref={box} aria-busy={!result && !error}>
      {result && <ReportBody result={result} />}
      {error instanceof Refused && error.status === 404 ? <p class="faint">{words.resultMissing}</p> : null}
      {error && !(error instanceof Refused && error.status === 404) ? <Trouble error={error} onAgain={again} /> : null}
    </article>
  );
}

function ReportBody({ result }: { result: ResultDetail }) {
  const words = useWords();
  const format = useFormat();
  const labels = useMemo(() => ({ copy: words.copy, copied: words.copied }), [words]);
  const resolve = useMemo(() => pictureOf(result.plots), [result.plots]);
  return (
    <>
      <header class="report-head">
        <h3>{result.title}</h3>
        <p class="report-facts">
          <time dateTime={new Date(result.created).toISOString()}>{format.moment(result.created)}</time>
          <span>{words.size(format.bytes(result.bytes))}</span>
        </p>
        {result.on_device && (
          <p class="report-note" data-testid="on-device">
            {words.onDevice(result.on_device.name, format.bytes(result.on_device.bytes))}
          </p>
        )}
        {result.cut && <p class="report-note">{words.cut}</p>}
      </header>
      <PlotPictures plots={result.plots} />
      <div class="report-text">
        {result.document.blocks?.length ? (
          <DocumentView document={result.document} resolve={resolve} labels={labels} />
        ) : (
          <pre class="report-source">{result.report}</pre>
        )}
      </div>
    </>
  );
}

/** Pictures named in the text are the plots that came with it; the manager holds no other. */
function pictureOf(plots: readonly Plot[]): (src: string) => string | null {
  return (src) => {
    const name = src.replace(/^.*\//, "").replace(/\.\w+$/, "");
    const plot = plots.find((candidate) => candidate.name.replace(/\.\w+$/, "") === name);
    return plot ? pictureAddress(plot) : null;
  };
}
