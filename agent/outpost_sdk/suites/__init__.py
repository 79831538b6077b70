"""What every implementation of our interfaces must pass; to be imported where pytest is installed."""

import pytest

pytest.register_assert_rewrite(
    "outpost_sdk.suites.channel", "outpost_sdk.suites.task_families", "outpost_sdk.suites.tasks"
)
