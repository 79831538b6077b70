import { DocumentView } from "@document";
import { useMemo } from "preact/hooks";

import { useFormat } from "../format";
import { useWords } from "../i18n";
import type { Plot, ResultDetail } from "../model";
import { PlotPictures, pictureAddress } from "./plot-pictures";

/** One result: what it is, its plots, its report; the Markdown as it is where a device sent no tree of it. */
export function Report({ result }: { result: ResultDetail }) {
  return (
    <article class="report card" data-testid="report" data-id={result.id}>
      <ReportBody result={result} />
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
        <h1>{result.title}</h1>
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
        ) : result.report ? (
          <pre class="report-source">{result.report}</pre>
        ) : (
          <p class="faint">{words.reportStayed}</p>
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
