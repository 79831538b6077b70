"""The console: its API, its live stream and its pages."""

from outpost_manager.web.app import make_app
from outpost_manager.web.console import Console

__all__ = ["Console", "make_app"]
