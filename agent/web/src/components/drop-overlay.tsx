import { useEffect, useState } from "preact/hooks";

import { words } from "../i18n";
import { AttachIcon } from "./icons";

interface DropOverlayProps {
  onFiles: (files: readonly File[]) => void;
  onFolder: (name: string) => void;
}

/** Takes files dropped anywhere on the page, and shows so while they hover. */
export function DropOverlay({ onFiles, onFolder }: DropOverlayProps) {
  const [isHovering, setHovering] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hover = (change: number) => {
      depth = Math.max(0, depth + change);
      setHovering(depth > 0);
    };
    const whenFiles = (act: (event: DragEvent, data: DataTransfer) => void) => (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      act(event, event.dataTransfer);
    };
    const listening = new AbortController();
    const on = { signal: listening.signal };
    addEventListener("dragenter", whenFiles(() => hover(1)), on);
    addEventListener("dragleave", whenFiles(() => hover(-1)), on);
    addEventListener("dragover", whenFiles((_event, data) => { data.dropEffect = "copy"; }), on);
    addEventListener("drop", whenFiles((_event, data) => {
      hover(-depth);
      const folder = folderIn(data);
      if (folder !== null) onFolder(folder);
      else onFiles([...data.files]);
    }), on);
    return () => listening.abort();
  }, [onFiles, onFolder]);
  if (!isHovering) return null;
  return (
    <div class="drop" data-testid="drop" aria-hidden="true">
      <div class="drop-card">
        <AttachIcon />
        <strong>{words.dropHere}</strong>
        <span>{words.dropHint}</span>
      </div>
    </div>
  );
}

/** The name of a folder among what was dropped; a browser gives its files only through a walk of its own. */
function folderIn(data: DataTransfer): string | null {
  for (const item of data.items) {
    const entry = item.webkitGetAsEntry();
    if (entry?.isDirectory) return entry.name;
  }
  return null;
}
