import { useState } from "preact/hooks";

import { useConnection } from "../hooks";
import { useWords } from "../i18n";
import type { DeviceDetail, ResultsChoice, Settings } from "../model";
import { Icon } from "./icon";
import { troubleSentence } from "./outcome";

const CHOICES = ["own", "none", "summary", "full"] as const;
type Choice = (typeof CHOICES)[number];

interface SettingsProps {
  device: DeviceDetail;
  settings: Settings;
  onSaved: () => void;
}

/** How much of its results a device sends: what is wanted, what it does, and whether the two agree. */
export function DeviceSettings({ device, settings, onSaved }: SettingsProps) {
  const words = useWords();
  const { api } = useConnection();
  const [picked, setPicked] = useState<Choice | null>(null);
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { results } = settings;
  const desired: Choice = results.desired ?? "own";
  const chosen = picked ?? desired;
  const save = async (event: Event) => {
    event.preventDefault();
    setSaving(true);
    setError(null);
    try {
      await api.set(device.id, chosen === "own" ? null : (chosen satisfies ResultsChoice));
      setPicked(null);
      onSaved();
    } catch (reason) {
      setError(reason);
    } finally {
      setSaving(false);
    }
  };
  return (
    <section class="section" data-testid="settings">
      <div class="section-head">
        <h2>{words.settings}</h2>
      </div>
      <form class="card setting" onSubmit={(event) => void save(event)}>
        <fieldset class="choices" disabled={saving}>
          <legend>{words.leaving}</legend>
          <p class="faint">{words.leavingHint}</p>
          {CHOICES.map((choice) => (
            <label key={choice} class="choice">
              <input
                type="radio"
                name="results"
                data-testid={`results-${choice}`}
                checked={choice === chosen}
                onChange={() => setPicked(choice)}
              />
              <span>
                <span class="choice-name">{words.choices[choice]}</span>
                <span class="faint">{words.choiceHints[choice]}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <dl class="setting-facts" data-testid="results-setting" data-followed={results.followed}>
          <div>
            <dt>{words.wanted}</dt>
            <dd>{words.choices[desired]}</dd>
          </div>
          <div>
            <dt>{words.reported}</dt>
            <dd>{results.reported ? words.choices[results.reported] : words.notReported}</dd>
          </div>
        </dl>
        <p class={results.followed ? "outcome done" : "outcome sent"} role="status" data-testid="followed">
          <Icon name={results.followed ? "done" : "waiting"} size={14} />
          <span class="outcome-words">{results.followed ? words.followed : device.online ? words.sent : words.notFollowed}</span>
        </p>
        {error !== null && (
          <p class="outcome failed" role="alert" data-testid="setting-error">
            <Icon name="alert" size={14} />
            <span class="outcome-words">{troubleSentence(error, words)}</span>
          </p>
        )}
        <button class="button primary" data-testid="apply" disabled={saving || chosen === desired}>
          {saving ? words.applying : words.apply}
        </button>
      </form>
    </section>
  );
}
