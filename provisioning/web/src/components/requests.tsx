import { useMemo, useState } from "preact/hooks";

import { isUnderWay, withGone } from "../deeds";
import { useFormat } from "../format";
import { useConnection, useDeeds, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { PairingRequest, Role } from "../model";
import { deviceAddress } from "../router";
import { Dialog } from "./dialog";
import { Outcome } from "./outcome";

const ROLES = ["user", "owner"] as const satisfies readonly Role[];
const SHOWN_FIRST = 30;
/** The channel whose senders are browsers: what it calls them says nothing to anybody. */
const BROWSER = "web";

/** The requests to draw: those that wait, and before them those that this page decided and whose outcome stays. */
export function useRequests(requests: readonly PairingRequest[], device: string | null): readonly PairingRequest[] {
  const deeds = useDeeds();
  return useMemo(() => {
    const decided = deeds.flatMap(({ about }) => (about.kind === "request" ? [about.request] : []));
    return withGone(requests, decided.filter((request) => device === null || request.device === device));
  }, [requests, deeds, device]);
}

interface RequestsProps {
  requests: readonly PairingRequest[];
  /** Whether to say which device each is for. */
  across: boolean;
}

/** Who waits to be let in, each with the two answers. */
export function Requests({ requests, across }: RequestsProps) {
  const words = useWords();
  const now = useNow();
  const [all, setAll] = useState(false);
  const shown = all ? requests : requests.slice(0, SHOWN_FIRST);
  return (
    <div class="card requests">
      <ol>
        {shown.map((request) => (
          <RequestRow key={`${request.device} ${request.id}`} request={request} across={across} now={now} />
        ))}
      </ol>
      {requests.length > shown.length && (
        <button class="more-rows" onClick={() => setAll(true)}>
          {words.showMore(requests.length - shown.length)}
        </button>
      )}
    </div>
  );
}

function RequestRow({ request, across, now }: { request: PairingRequest; across: boolean; now: number }) {
  const words = useWords();
  const format = useFormat();
  const { deeds } = useConnection();
  useDeeds();
  const [role, setRole] = useState<Role>("user");
  const [confirming, setConfirming] = useState(false);
  const about = { kind: "request", request } as const;
  const deed = deeds.of(request.device, about);
  const left = request.expires_ms - now;
  const isOpen = left > 0 && !request.isGone && deed?.phase !== "done" && !isUnderWay(deed);
  const approve = () => deeds.ask(request.device, { verb: "pair.approve", request: request.id, role }, about);
  const refuse = () => deeds.ask(request.device, { verb: "pair.refuse", request: request.id }, about);
  return (
    <li class={deed?.phase === "done" ? "request is-settled" : "request"} data-testid="request" data-id={request.id}>
      <span class="request-code mono" data-testid="request-code" aria-label={`${words.code} ${request.code}`}>
        {grouped(request.code)}
      </span>
      <span class="request-who">
        <strong>{request.name || request.sender}</strong>
        <span class="request-facts">
          <span class="chip">{request.channel}</span>
          {request.channel !== BROWSER && <span class="mono faint">{request.sender}</span>}
        </span>
      </span>
      {across && (
        <span class="request-device">
          <a class="link" href={deviceAddress(request.device)}>
            {request.device_name}
          </a>
          {!request.online && <span class="faint">{words.offline}</span>}
        </span>
      )}
      <span class={left > 0 && left < 300_000 ? "request-time is-soon" : "request-time"}>
        <span title={format.moment(request.expires_ms)} data-testid="expires">
          {left > 0 ? words.expiresIn(format.span(Math.max(left, 10_000))) : words.hasExpired}
        </span>
        <span class="faint" title={format.moment(request.created_ms)}>
          {words.askedAgo(format.ago(request.created_ms, now))}
        </span>
      </span>
      <span class="request-answers">
        {isOpen && (
          <>
            <button
              class="button primary"
              data-testid="approve"
              onClick={() => (role === "owner" ? setConfirming(true) : void approve())}
            >
              {words.letIn}
            </button>
            <select
              class="field"
              data-testid="role"
              aria-label={words.chooseRole}
              value={role}
              onChange={(event) => setRole(event.currentTarget.value as Role)}
            >
              {ROLES.map((choice) => (
                <option key={choice} value={choice}>
                  {words.asRole(words.roles[choice])}
                </option>
              ))}
            </select>
            <button class="button" data-testid="refuse" onClick={() => void refuse()}>
              {words.refuse}
            </button>
          </>
        )}
        <Outcome deed={deed} />
        {isOpen && !request.online && !deed && <span class="request-hint faint">{words.reachOffline}</span>}
      </span>
      {confirming && (
        <Dialog
          title={words.ownerTitle(request.name || request.sender)}
          confirm={words.ownerConfirm}
          onConfirm={() => void approve()}
          onClose={() => setConfirming(false)}
        >
          <p>{words.ownerBody(request.name || request.sender, request.channel, request.device_name)}</p>
        </Dialog>
      )}
    </li>
  );
}

/** A code as people read it out: in two halves. */
function grouped(code: string): string {
  return code.length === 8 ? `${code.slice(0, 4)} ${code.slice(4)}` : code;
}
