"""The web chat: a page, a REST interface and a WebSocket on the device itself; works with no internet."""

from outpost_agent.channels.web.chat import CHANNEL, WebChat
from outpost_agent.channels.web.guard import Guard, add_headers, guard_middleware

__all__ = ["CHANNEL", "Guard", "WebChat", "add_headers", "guard_middleware"]
