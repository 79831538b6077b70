"""The manager's end of the link: one session that hears every device of the fleet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from outpost_disk.settings import is_loopback
from outpost_link import LinkDown, Login, MqttSession, Outgoing, Received
from outpost_link.session import NEVER_CONNECTED
from outpost_manager.access import read_secret
from outpost_manager.config import BrokerConfig
from outpost_manager.errors import BrokerNotLocal
from outpost_wire.ids import FleetId
from outpost_wire.topics import Leaf, filter_for, replies_filter

SHARE = "manager"
SESSION_S = 24 * 3600
RECEIVE_MAXIMUM = 1000
WINDOW = 256


def make_login(config: BrokerConfig, fleet: FleetId, manager: str) -> Login:
    """Return how the manager presents itself to the broker; reads the password. Raises BrokerNotLocal."""
    if not is_loopback(config.host):
        raise BrokerNotLocal(config.host)
    return Login(
        host=config.host,
        port=config.port,
        client_id=f"{fleet}-{manager}",
        username=config.username or None,
        password=read_secret(Path(config.password_file)) if config.password_file else None,
        session_expiry_s=SESSION_S,
        clean_start=False,
        receive_maximum=RECEIVE_MAXIMUM,
        window=WINDOW,
    )


@asynccontextmanager
async def open_fleet_link(
    login: Login,
    fleet: FleetId,
    take: Callable[[Received], Awaitable[None]],
    on_change: Callable[[bool], None],
    *,
    manager: str | None = None,
) -> AsyncIterator[MqttSession]:
    """Hear the fleet for as long as the context lasts; `on_change` is told when the broker comes and goes.

    With `manager`, what devices answer to the commands of this manager is heard, too.

    Events and telemetry come by a shared subscription, so that managers can share the work; state and shadow come to
    each, because a shared subscription never brings what the broker had retained (MQTT 5, section 4.8.2).
    """

    async def came() -> None:
        on_change(True)

    async def went() -> None:
        on_change(False)

    session = MqttSession(login, take, greet=came, part=went)
    for leaf in (Leaf.EVENT, Leaf.TELEMETRY):
        await session.subscribe(filter_for(fleet, leaf, share=SHARE))
    for leaf in (Leaf.STATE, Leaf.SHADOW_REPORTED):
        await session.subscribe(filter_for(fleet, leaf))
    if manager is not None:
        await session.subscribe(replies_filter(fleet, manager))
    async with session.opened():
        yield session


class Downlink:
    """What is sent to devices, by a session that is opened after those who send."""

    def __init__(self) -> None:
        self.session: MqttSession | None = None

    async def publish(self, message: Outgoing) -> None:
        """Return once the broker has `message`; raises LinkFailed."""
        if self.session is None:
            raise LinkDown(NEVER_CONNECTED)
        await self.session.send(message)


def send_acknowledgement(session: MqttSession, topic: str, payload: bytes) -> Awaitable[None]:
    """Send at QoS 0: an acknowledgement is cumulative, and one that is lost is repeated when the device repeats."""
    return session.send(Outgoing(topic=topic, payload=payload, qos=0))
