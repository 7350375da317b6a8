"""Where a peer does not do what a case says, by the design's section 5: "where the Python code and the seed differ, do
this". One entry for each case; anything that is not here is a failure, and so is an entry that is no longer true.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`peer` fails the case because of `line` of section 5, with `seen` in what it says."""

    line: str
    seen: str
    peer: str = "python"


DIFFERENCES: dict[str, Difference] = {}
