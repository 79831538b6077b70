"""Telegram: a bot of the owner's, by long poll."""

from outpost_agent.channels.telegram.channel import TelegramChannel
from outpost_agent.channels.telegram.settings import make

__all__ = ["TelegramChannel", "make"]
