"""How a run of the command `outpost` ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return the one JSON document, on one line, that stdout holds."""
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)
