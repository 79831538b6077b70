"""Messages as they go to the broker and come from it, with what MQTT 5 says about them beside the payload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from paho.mqtt.client import MQTTMessage
from paho.mqtt.properties import Properties

Qos = Literal[0, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to be published; with `expiry_s` the broker drops it when it is not delivered by then.

    `response_topic` is where an answer is awaited, `correlation` what ties it to this message (MQTT 5, section 4.10).
    """

    topic: str
    payload: bytes
    qos: Qos = 1
    retain: bool = False
    content_type: str = ""
    expiry_s: int | None = None
    response_topic: str = ""
    correlation: bytes = b""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message from the broker. `retain` says that it is a topic's kept value rather than news.

    `expiry_s` is what was left of its life when the broker sent it, None when it has no end.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str
    expiry_s: int | None
    response_topic: str
    correlation: bytes
    properties: Mapping[str, str]
    acknowledge: Callable[[], None]

    def ack(self) -> None:
        """Tell the broker that the effect of this message is kept; in the order of arrival (MQTT 5, section 4.6).

        Without it the broker holds the message, counts it against the receive maximum and sends it again on the next
        connection. Does nothing once the connection that brought it has ended.
        """
        self.acknowledge()


def read_message(message: MQTTMessage, acknowledge: Callable[[], None]) -> Received:
    """Return what paho received as a message of ours."""
    said = message.properties
    return Received(
        topic=message.topic,
        payload=bytes(message.payload),
        qos=message.qos,
        retain=message.retain,
        content_type=getattr(said, "ContentType", ""),
        expiry_s=getattr(said, "MessageExpiryInterval", None),
        response_topic=getattr(said, "ResponseTopic", ""),
        correlation=bytes(getattr(said, "CorrelationData", b"")),
        properties=dict(getattr(said, "UserProperty", ())),
        acknowledge=acknowledge,
    )


def properties_of(packet: int, message: Outgoing) -> Properties | None:
    """Return what is said about `message` in a packet of this type, None when there is nothing to say."""
    is_plain = message.expiry_s is None and not message.properties
    if is_plain and not message.response_topic and not message.correlation:
        return _content_type(packet, message.content_type) if message.content_type else None
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    if message.content_type:
        properties.ContentType = message.content_type
    if message.properties:
        properties.UserProperty = list(message.properties.items())
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    if message.response_topic:
        properties.ResponseTopic = message.response_topic
    if message.correlation:
        properties.CorrelationData = message.correlation
    return properties


@lru_cache(maxsize=16)
def _content_type(packet: int, content_type: str) -> Properties:
    """Return properties that say only this; making them anew for each message would cost 70 µs, and paho only reads."""
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    properties.ContentType = content_type
    return properties
