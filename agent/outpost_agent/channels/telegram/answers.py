"""What an answer of the Bot API, or the lack of one, means; told apart once, here.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import msgspec

from outpost_sdk.channel import SendLater, SendRefused, SendUnknown
from outpost_wire.errors import OutpostError

PROXY = "proxy"
CERTIFICATE = "certificate"
OTHER = "something else answers"


class ApiFailed(OutpostError):
    """A call was not carried out, or nobody knows whether it was."""

    code = "telegram_failed"


class NotReached(ApiFailed):
    """No connection came about, so nothing was asked; `cause` says how far it came."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"Telegram is not reached ({cause})")
        self.cause = cause


class BrokeOff(ApiFailed):
    """The call may have been carried out: its answer never came, or says nothing."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the call to Telegram broke off ({cause})")
        self.cause = cause


class Refused(ApiFailed):
    """The server said no; nothing was done."""

    def __init__(self, status: int, description: str, retry_after_s: int = 0, moved_to: int | None = None) -> None:
        super().__init__(f"Telegram said: {description}")
        self.status = status
        self.description = description
        self.retry_after_s = retry_after_s
        self.moved_to = moved_to

    @property
    def is_flood(self) -> bool:
        """Say whether patience is all that is asked for."""
        return self.status == 429

    @property
    def is_token(self) -> bool:
        """Say whether the token is wrong or was revoked."""
        return self.status in (401, 404)

    @property
    def is_contested(self) -> bool:
        """Say whether another program takes this bot's messages."""
        return self.status == 409

    def says(self, *words: str) -> bool:
        """Say whether the description has one of `words` in it."""
        description = self.description.lower()
        return any(word in description for word in words)


class _Parameters(msgspec.Struct, frozen=True):
    retry_after: int = 0
    migrate_to_chat_id: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = _Parameters()


def read_answer(status: int, body: bytes) -> bytes:
    """Return the result, as JSON, or raise Refused, NotReached or BrokeOff.

    A 5xx may stand for a call that was carried out: a gateway gives it when it lost the server behind it. A 4xx in
    another form comes from something else on the way, such as a network that asks for a sign-in; 413 is the gateway's.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError:
        if status == 413:
            raise Refused(status, "Request Entity Too Large") from None
        if 400 <= status < 500:
            raise NotReached(OTHER) from None
        raise BrokeOff(OTHER if status < 500 else f"status {status}") from None
    if answer.ok:
        return bytes(answer.result)
    code = answer.error_code or status
    if code >= 500:
        raise BrokeOff(f"status {code}")
    raise Refused(
        code,
        answer.description or f"status {code}",
        answer.parameters.retry_after,
        answer.parameters.migrate_to_chat_id,
    )


def as_sending(error: ApiFailed, token_wait_s: float) -> SendLater | SendRefused | SendUnknown:
    """Return what a failed call means for what was to be shown; a token may be mended after `token_wait_s`."""
    match error:
        case Refused(is_flood=True):
            return SendLater(str(error), float(error.retry_after_s or 1))
        case Refused(is_token=True):
            return SendLater(str(error), token_wait_s)
        case Refused():
            return SendRefused(str(error))
        case NotReached():
            return SendLater(str(error))
    return SendUnknown(str(error))
