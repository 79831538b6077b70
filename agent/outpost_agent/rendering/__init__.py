"""Documents as the messages of a chat platform: cut to its limits, in its mark-up.

A document becomes lines of runs (`flow`), the lines are shared out over parts by the platform's limits (`splitter`),
and each part is written in the platform's mark-up (`dialect`). Only the last step knows a platform: a new one is a
`Dialect` of its own and an entry in `parts.DIALECTS`. Nothing here does I/O.
"""

from outpost_agent.rendering.characters import length
from outpost_agent.rendering.parts import NoRenderer, Part, render

__all__ = ["NoRenderer", "Part", "length", "render"]
