"""`python -m outpost_manager` is `outpost-fleet`."""

import sys

from outpost_manager.cli import main

if __name__ == "__main__":
    sys.exit(main())
