import { useRef, useState } from "preact/hooks";

import { useWords } from "../i18n";
import type { Plot } from "../model";
import { Icon } from "./icon";

/**
 * The plots of a result. A plot comes from a device and is shown as a picture, never as mark-up of this page: in an
 * <img> no script of an SVG runs and nothing it names is loaded.
 */
export function PlotPictures({ plots }: { plots: readonly Plot[] }) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const [enlarged, setEnlarged] = useState<Plot | null>(null);
  if (!plots.length) return null;
  const enlarge = (plot: Plot) => {
    setEnlarged(plot);
    dialog.current?.showModal();
  };
  return (
    <div class="pictures" data-testid="plots">
      {plots.map((plot) => (
        <button key={plot.name} class="picture" title={words.enlarge(plot.title)} onClick={() => enlarge(plot)}>
          <img src={pictureAddress(plot)} alt={plot.title} data-testid="plot" data-id={plot.name} />
        </button>
      ))}
      <dialog ref={dialog} class="enlarged" aria-label={enlarged?.title} onClick={() => dialog.current?.close()}>
        {enlarged && <img src={pictureAddress(enlarged)} alt={enlarged.title} />}
        <button class="button square" aria-label={words.close}>
          <Icon name="close" />
        </button>
      </dialog>
    </div>
  );
}

/** The plot as an address that a picture can be loaded from. */
export function pictureAddress(plot: Plot): string {
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(plot.svg)}`;
}
