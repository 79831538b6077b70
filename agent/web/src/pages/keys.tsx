import { useState } from "preact/hooks";

import { Confirm, Dialog } from "../components/dialog";
import { CopyButton } from "../components/copy";
import { useDeed } from "../components/deed";
import { useDevice, useNow } from "../components/hooks";
import { FileIcon, PlusIcon } from "../components/icons";
import { QrCode } from "../components/qr";
import { RecoverySheet } from "../gate/recovery-sheet";
import { momentOf, words, writeSpan } from "../i18n";
import type { Invitation } from "../owner";

/** How the owner gets in again, and elsewhere. */
export function Keys() {
  const { api, me } = useDevice();
  const [isAsking, setAsking] = useState(false);
  const [recovery, setRecovery] = useState<string | null>(null);
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const deed = useDeed();
  const renew = async () => setRecovery(await api.freshRecovery());
  const invite = () => void deed.act(async () => setInvitation(await api.invite()));
  return (
    <section class="section" aria-labelledby="keys">
      <h2 id="keys">{words.device.keys}</h2>
      <div class="card settings">
        <div class="setting">
          <p><strong>{words.device.invite}</strong><span class="faint">{words.device.inviteText}</span></p>
          <button type="button" class="button" disabled={deed.isBusy} onClick={invite} data-testid="invite">
            <PlusIcon />
            {words.device.inviteAction}
          </button>
        </div>
        <p class="problem" role="alert">{deed.problem}</p>
        <div class="setting">
          <p><strong>{words.device.recovery}</strong><span class="faint">{words.device.recoveryText}</span></p>
          <button type="button" class="button" onClick={() => setAsking(true)} data-testid="fresh-recovery">
            <FileIcon />
            {words.device.recoveryAction}
          </button>
        </div>
      </div>
      {isAsking && (
        <Confirm title={words.device.recoveryTitle} text={words.device.recoveryQuestion} yes={words.device.recoveryYes}
          no={words.people.keep} act={renew} onClose={() => setAsking(false)} />
      )}
      {recovery !== null && (
        <Dialog title={words.recovery.title} testid="recovery-dialog" canClose={false} onClose={() => setRecovery(null)}>
          <RecoverySheet text={recovery} device={me.device.name} done={words.recovery.done}
            onDone={() => setRecovery(null)} />
        </Dialog>
      )}
      {invitation !== null && <Invited invitation={invitation} onClose={() => setInvitation(null)} />}
    </section>
  );
}

function Invited({ invitation: { link, expires }, onClose }: { invitation: Invitation; onClose: () => void }) {
  const now = useNow(1000);
  return (
    <Dialog title={words.device.inviteTitle} testid="invite-dialog" onClose={onClose}>
      <h2>{words.device.inviteTitle}</h2>
      <p>{isLoopback(link) ? words.device.inviteLoopback : words.device.inviteHow}</p>
      <QrCode text={link} label={words.device.qr} />
      <label for="invite-link">{words.device.inviteLink}</label>
      <div class="field-row">
        <input id="invite-link" class="field mono" type="text" readOnly value={link}
          onFocus={(event) => event.currentTarget.select()} data-testid="invite-link" />
        <CopyButton text={link} label={words.device.copyLink} />
      </div>
      <p class="hint">{words.gate.validFor(writeSpan((momentOf(expires) - now) / 1000))}</p>
    </Dialog>
  );
}

/** Whether a link leads nowhere from any other machine. */
function isLoopback(link: string): boolean {
  return /^https?:\/\/(localhost|127\.|\[::1\])/.test(link);
}
