import { useRef, useState } from "preact/hooks";

import type { Api } from "../api";
import { useDeed } from "../components/deed";
import { FileIcon } from "../components/icons";
import { words } from "../i18n";

/** No recovery file is larger; what is was taken for one by mistake. */
const LARGEST_FILE_BYTES = 64 * 1024;

interface RecoverFormProps {
  api: Api;
  onOwned: (recovery: string) => void;
}

/** Gives the device back to the owner who has the recovery file. */
export function RecoverForm({ api, onOwned }: RecoverFormProps) {
  const [text, setText] = useState("");
  const { isBusy, problem, setProblem, act } = useDeed();
  const chooser = useRef<HTMLInputElement>(null);
  const recover = (recovery: string) => void act(async () => onOwned(await api.recover(recovery)));
  const chosen = async ({ currentTarget: input }: { currentTarget: HTMLInputElement }) => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    const content = (await file.slice(0, LARGEST_FILE_BYTES).text()).trim();
    if (content === "") return setProblem(words.gate.emptyRecovery);
    setText(content);
    recover(content);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.trim() !== "") recover(text.trim());
  };
  return (
    <form onSubmit={submit}>
      <h1>{words.gate.recoverTitle}</h1>
      <p>{words.gate.recoverText}</p>
      <button type="button" class="button wide" disabled={isBusy} onClick={() => chooser.current?.click()}>
        <FileIcon />
        {words.gate.chooseFile}
      </button>
      <input ref={chooser} type="file" accept=".txt,text/plain" hidden onChange={(event) => void chosen(event)}
        data-testid="recovery-file" />
      <label for="recovery-text">{words.gate.orPaste}</label>
      <textarea id="recovery-text" class="field mono" rows={4} spellcheck={false} autocomplete="off" value={text}
        aria-invalid={problem !== null} aria-describedby="recovery-problem"
        onInput={(event) => setText(event.currentTarget.value)} data-testid="recovery-text" />
      <p id="recovery-problem" class="problem" role="alert" data-testid="problem">{problem}</p>
      <button type="submit" class="primary" disabled={text.trim() === "" || isBusy} data-testid="recover">
        {words.gate.recover}
      </button>
    </form>
  );
}
