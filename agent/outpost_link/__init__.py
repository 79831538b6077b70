"""The MQTT session and the outbox, used at both ends."""

from outpost_link.connection import Login
from outpost_link.core import Placed, Prefix
from outpost_link.errors import LinkDown, LinkFailed, LinkFull, LoginRefused, PublishRefused, SubscriptionRefused
from outpost_link.outbox import OUTBOX_SCHEMA
from outpost_link.packet import Outgoing, Received
from outpost_link.session import MqttSession
from outpost_link.uplink import DeviceLink, Identity, open_device_link

__all__ = [
    "OUTBOX_SCHEMA",
    "DeviceLink",
    "Identity",
    "LinkDown",
    "LinkFailed",
    "LinkFull",
    "Login",
    "LoginRefused",
    "MqttSession",
    "Outgoing",
    "Placed",
    "Prefix",
    "PublishRefused",
    "Received",
    "SubscriptionRefused",
    "open_device_link",
]
