"""`python -m outpost_agent` is the command line."""

import sys

from outpost_agent.cli.main import main

sys.exit(main())
