"""From a message to what is wanted, and to the answer or the work that gives it."""

from outpost_agent.router.router import Router

__all__ = ["Router"]
