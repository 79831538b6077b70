import { useLayoutEffect, useRef } from "preact/hooks";

import { words } from "../i18n";
import { CloseIcon, DownloadIcon } from "./icons";

export interface Picture {
  src: string;
  alt: string;
}

/** One picture over the whole page. The dialog element keeps the focus inside and closes on Esc. */
export function Lightbox({ picture, onClose }: { picture: Picture; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    dialog.current?.showModal();
  }, []);
  const close = () => dialog.current?.close();
  return (
    <dialog ref={dialog} class="lightbox" aria-label={picture.alt} onClose={onClose} data-testid="lightbox"
      onClick={(event) => { if (event.target === dialog.current || event.target === stage.current) close(); }}>
      <div class="lightbox-bar">
        <span>{picture.alt}</span>
        <a class="tool" href={picture.src} download={picture.alt} aria-label={words.download(picture.alt)}>
          <DownloadIcon />
        </a>
        <button type="button" class="tool" aria-label={words.close} onClick={close}>
          <CloseIcon />
        </button>
      </div>
      <div ref={stage} class="lightbox-stage">
        <img src={picture.src} alt={picture.alt} />
      </div>
    </dialog>
  );
}
