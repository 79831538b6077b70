"""What can go wrong between one end of a link and its broker; no sentence here ever holds a password or a payload."""

from __future__ import annotations

from outpost_wire.errors import OutpostError


class LinkFailed(OutpostError):
    """Something the link could not do; the root of this package's errors."""

    code = "link_failed"


class LinkDown(LinkFailed):
    """There is no connection to the broker, or it ended before the broker answered; trying again later is right."""

    code = "link_down"


class LoginRefused(LinkDown):
    """The broker answered and would not let this client in; `reason` is the broker's own word for it."""

    code = "login_refused"

    def __init__(self, broker: str, client_id: str, reason: str) -> None:
        super().__init__(
            f"the broker at {broker} refused client {client_id}: {reason}; check the link's user name and password"
        )
        self.reason = reason


class LinkFull(LinkFailed):
    """More messages wait to be published than the link holds; the caller must wait for earlier ones."""

    code = "link_full"

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} messages wait for the broker already; wait for them before publishing more")
        self.waiting = waiting


class PublishRefused(LinkFailed):
    """The broker will not take this message, now or later, by its rules or its limits."""

    code = "publish_refused"

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"the broker refused a message on {topic}: {reason}")
        self.topic = topic
        self.reason = reason


class SubscriptionRefused(LinkFailed):
    """The broker will not deliver what matches this filter to this client."""

    code = "subscription_refused"

    def __init__(self, topic_filter: str, reason: str) -> None:
        super().__init__(f"the broker refused the subscription to {topic_filter}: {reason}; check its access rules")
        self.topic_filter = topic_filter
        self.reason = reason
