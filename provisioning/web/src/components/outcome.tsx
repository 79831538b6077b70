import { Refused } from "../api";
import type { Deed } from "../deeds";
import { useConnection } from "../hooks";
import { useLanguage, useWords, type Words } from "../i18n";
import type { Command } from "../model";
import { BadAnswer } from "../parse";
import { Icon, type IconName } from "./icon";

const ICONS: Record<Deed["phase"], IconName> = {
  asking: "waiting",
  sent: "waiting",
  done: "done",
  failed: "alert",
  expired: "alert",
  unsent: "alert",
};

/** What became of something that was asked of a device, where it was asked. */
export function Outcome({ deed }: { deed: Deed | null }) {
  const words = useWords();
  const language = useLanguage();
  const { deeds } = useConnection();
  const isOver = deed !== null && deed.phase !== "asking" && deed.phase !== "sent";
  const said = deed && sentence(deed, words, language);
  return (
    <span class="outcome-place" role="status">
      {deed && (
        <span class={`outcome ${deed.phase}`} data-testid="outcome" data-phase={deed.phase} title={said ?? undefined}>
          <Icon name={ICONS[deed.phase]} size={14} />
          <span class="outcome-words">{said}</span>
          {isOver && (
            <button
              class="button quiet tiny"
              data-testid="dismiss"
              title={words.dismiss}
              aria-label={words.dismiss}
              onClick={() => deeds.dismiss(deed)}
            >
              <Icon name="close" size={12} />
            </button>
          )}
        </span>
      )}
    </span>
  );
}

function sentence(deed: Deed, words: Words, language: "en" | "zh"): string {
  if (deed.phase === "asking") return words.asking;
  if (deed.phase === "unsent" || !deed.command) return troubleSentence(deed.error, words);
  return commandSentence(deed.command, words, language);
}

/** What a device answered, or that it has not. */
export function commandSentence(command: Command, words: Words, language: "en" | "zh"): string {
  if (command.state === "sent") return words.sent;
  if (command.state === "expired") return words.expired;
  return command[language] || (command.state === "done" ? words.doneShort : words.failed(command.code ?? ""));
}

/** Why a call failed, in a sentence. */
export function troubleSentence(error: unknown, words: Words): string {
  if (error instanceof Refused) return words.failed(error.message);
  if (error instanceof BadAnswer) return words.badAnswer(error.path);
  return words.unreachable;
}
