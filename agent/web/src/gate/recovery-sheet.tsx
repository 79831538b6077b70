import { useEffect, useState } from "preact/hooks";

import { DownloadIcon, PrintIcon } from "../components/icons";
import { words } from "../i18n";

interface RecoverySheetProps {
  /** The text of the recovery file. */
  text: string;
  /** The name of the device. */
  device: string;
  /** What the last button says. */
  done: string;
  onDone: () => void;
}

/** The recovery file, shown once; goes on when the person says that they keep it. */
export function RecoverySheet({ text, device, done, onDone }: RecoverySheetProps) {
  const [isSaved, setSaved] = useState(false);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, []);
  return (
    <section class="recovery" data-testid="recovery">
      <h1>{words.recovery.title}</h1>
      <p class="no-print">{words.recovery.text}</p>
      <div class="recovery-paper">
        <strong class="print-only">{words.recovery.paper(device)}</strong>
        <pre aria-label={words.recovery.file} tabIndex={0} data-testid="recovery-content">{text}</pre>
      </div>
      <div class="buttons no-print">
        <button type="button" class="button" onClick={() => save(text, device)} data-testid="recovery-save">
          <DownloadIcon />
          {words.recovery.save}
        </button>
        <button type="button" class="button" onClick={() => print()} data-testid="recovery-print">
          <PrintIcon />
          {words.recovery.print}
        </button>
      </div>
      <label class="check no-print">
        <input type="checkbox" checked={isSaved} onChange={(event) => setSaved(event.currentTarget.checked)}
          data-testid="recovery-saved" />
        {words.recovery.saved}
      </label>
      <button type="button" class="primary no-print" disabled={!isSaved} onClick={onDone} data-testid="recovery-done">
        {done}
      </button>
    </section>
  );
}

/** Hand the text to the browser as a file to keep. */
function save(text: string, device: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `outpost-recovery-${device.replace(/[^\p{L}\p{N}-]+/gu, "-")}.txt`;
  link.click();
  // The browser reads the address after this turn; long after, nobody needs it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
