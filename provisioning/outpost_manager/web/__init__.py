"""The console: its API, its live stream and its pages."""

from outpost_manager.web.app import make_app
from outpost_manager.web.console import Console, cookie_name

__all__ = ["Console", "cookie_name", "make_app"]
