import { words } from "../i18n";
import { isTouch } from "../pointer";
import { FileIcon } from "./icons";

interface WelcomeProps {
  onCommand: (command: string) => void;
  onChoose: () => void;
}

/** What stands in a chat that has no message yet: what the device can do, and three ways to begin. */
export function Welcome({ onCommand, onChoose }: WelcomeProps) {
  return (
    <section class="welcome" data-testid="welcome">
      <span class="welcome-sign"><FileIcon /></span>
      <h2>{isTouch ? words.welcomeTouch : words.welcome}</h2>
      <p>{words.welcomeMore}</p>
      <div class="welcome-choices">
        <button type="button" class="primary" onClick={onChoose}>{words.chooseLog}</button>
        <button type="button" onClick={() => onCommand("/status")}>{words.machineHealth}</button>
        <button type="button" onClick={() => onCommand("/help")}>{words.whatElse}</button>
      </div>
    </section>
  );
}
