import { useFormat } from "../format";
import { useConnection, useFollowed, useNow } from "../hooks";
import { useLanguage, useWords } from "../i18n";
import type { Command, DeviceDetail } from "../model";
import { commandsAfter } from "../store";
import { Trouble } from "./empty";
import { commandSentence } from "./outcome";

const BADGES: Record<Command["state"], string> = { sent: "waiting", done: "done", failed: "failed", expired: "failed" };

/** What was lately asked of a device, by whomever, and what came of it. */
export function Commands({ device }: { device: DeviceDetail }) {
  const words = useWords();
  const format = useFormat();
  const language = useLanguage();
  const now = useNow();
  const { api } = useConnection();
  const commands = useFollowed<readonly Command[]>(
    `commands ${device.id}`,
    () => api.commands(device.id),
    (value, events) => commandsAfter(value, events, device.id),
  );
  return (
    <section class="section" data-testid="commands">
      <div class="section-head">
        <h2>{words.commands}</h2>
      </div>
      {commands.error && !commands.value ? <Trouble error={commands.error} onAgain={commands.reload} /> : null}
      {commands.value && (
        <div class="card list">
          {!commands.value.length && <p class="list-empty">{words.noCommands}</p>}
          {commands.value.map((command) => (
            <div
              key={command.id}
              class="list-row"
              data-testid="command"
              data-id={command.id}
              data-state={command.state}
            >
              <span class="list-head">
                <strong>{words.verbs[command.verb]}</strong>
                <span class="faint" title={format.moment(command.created)}>
                  {format.ago(command.created, now)}
                </span>
                <span class={`badge ${BADGES[command.state]}`}>{words.commandState[command.state]}</span>
              </span>
              <span class="list-note">{commandSentence(command, words, language)}</span>
            </div>
          ))}
        </div>
      )}
    </section>
  );
}
