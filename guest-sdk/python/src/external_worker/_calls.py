"""The call that runs: who made it, and how far it is."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from ._host import host


@dataclass(frozen=True)
class Call:
    """An open call. A method gets it by an argument that is annotated with this class, which is no input.

    A call is cancelled as asyncio does it: `asyncio.CancelledError` is raised where it waits, so that `finally` and
    `async with` clean up.
    """

    id: int
    """Names it among the open calls."""
    caller: str | None = None
    """The id of the node in the graph that calls; None: a client or another program calls."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Shows at the node that called how far this call is: `fraction` is between 0 and 1."""
        host().progress(self.id, float(fraction), str(message))

    @staticmethod
    def current() -> Call | None:
        """The call within which this code runs; None: it runs in the loop, or elsewhere."""
        return CURRENT.get()


CURRENT: ContextVar[Call | None] = ContextVar("call", default=None)
