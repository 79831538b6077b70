"""One command for the whole: a broker, a manager and a device as children of one supervisor."""

from outpost_manager.demo.run import run_demo

__all__ = ["run_demo"]
