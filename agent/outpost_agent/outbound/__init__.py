"""The way out to chat platforms: no reply is lost, none is sent twice."""

from outpost_agent.outbound.driver import Outbound

__all__ = ["Outbound"]
