import { useState } from "preact/hooks";

import { Confirm } from "../components/dialog";
import { useDeed } from "../components/deed";
import { useDevice } from "../components/hooks";
import { channelName } from "../components/names";
import { spellCode } from "../door";
import { words, writeAgo, writeSpan } from "../i18n";
import type { PairingRequest } from "../owner";

interface RequestCardProps {
  request: PairingRequest;
  now: number;
  reload: () => void;
}

/** Somebody who asks to be let in, and the three answers. */
export function RequestCard({ request, now, reload }: RequestCardProps) {
  const { api, toast } = useDevice();
  const [asking, setAsking] = useState<"refuse" | "me" | null>(null);
  const deed = useDeed();
  const approve = async (role: "user" | "owner") => {
    await api.approve(request.id, role);
    toast(words.people.letIn(request.name));
    reload();
  };
  const refuse = async () => {
    await api.refuse(request.id);
    toast(words.people.refused(request.name));
    reload();
  };
  return (
    <li class="card request" data-testid="request-card" data-id={request.id} data-code={request.code}>
      <p class="request-head">
        <strong>{request.name || request.sender}</strong>
        <span class="faint">{words.people.onChannel(channelName(request.channel))}</span>
      </p>
      <p class="request-code">
        <span class="unseen">{words.people.code}: </span>
        <span data-testid="request-code">{spellCode(request.code)}</span>
      </p>
      <p class="row-text">
        <span>{words.people.since(writeAgo(request.created_ms, now))}</span>
        <span>{words.people.left(writeSpan((request.expires_ms - now) / 1000))}</span>
      </p>
      <p class="problem" role="alert">{deed.problem}</p>
      <div class="buttons">
        <button type="button" class="primary" disabled={deed.isBusy} onClick={() => void deed.act(() => approve("user"))}
          data-testid="approve">
          {words.people.approve}
        </button>
        <button type="button" class="button" onClick={() => setAsking("me")} data-testid="approve-owner">
          {words.people.approveAsMe}
        </button>
        <button type="button" class="button quiet-danger" onClick={() => setAsking("refuse")} data-testid="refuse">
          {words.people.refuse}
        </button>
      </div>
      {asking === "me" && (
        <Confirm title={words.people.approveTitle(request.name)} text={words.people.approveAsMeText}
          yes={words.people.approveAsMeYes} no={words.people.keep} act={() => approve("owner")}
          onClose={() => setAsking(null)} />
      )}
      {asking === "refuse" && (
        <Confirm title={words.people.refuseTitle(request.name)} text={words.people.refuseText} isDanger
          yes={words.people.refuseYes} no={words.people.keep} act={refuse} onClose={() => setAsking(null)} />
      )}
    </li>
  );
}
