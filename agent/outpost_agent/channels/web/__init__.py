"""The web chat: a page, a REST interface and a WebSocket on the device itself; works with no internet."""

from outpost_agent.channels.web.chat import WebChat
from outpost_agent.channels.web.guard import WHO, Access, Guard, Route, add_headers, guard_middleware
from outpost_agent.channels.web.line import CHANNEL

__all__ = ["CHANNEL", "WHO", "Access", "Guard", "Route", "WebChat", "add_headers", "guard_middleware"]
