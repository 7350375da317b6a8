"""The call that runs: who made it, and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

from ._host import host

T = TypeVar("T")


@dataclass
class Call:
    """An open call. A method gets it by an argument that is annotated with this class, which is no input.

    A call is cancelled as asyncio does it: `asyncio.CancelledError` is raised where it waits, so that `finally` and
    `async with` clean up.
    """

    id: int
    """Names it among the open calls."""
    caller: str | None = None
    """The id of the node in the graph that calls; None: a client or another program calls."""
    node: str = ""
    """What is called: a method by its name, or a node of the shelf by its path."""
    cancelled: bool = field(default=False, compare=False)
    """Whether it has to end: its caller left, its time is over, or the worker stops."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Shows at the node that called how far this call is: `fraction` is between 0 and 1."""
        host().progress(self.id, float(fraction), str(message))

    def track(self, iterable: Iterable[T], message: str = "", total: int | None = None) -> Iterator[T]:
        """Yields what is in `iterable`, and shows how far it is."""
        if total is None:
            iterable = list(iterable)
            total = len(iterable)
        for done, one in enumerate(iterable):
            self.progress(done / total if total else 0.0, message)
            yield one
        self.progress(1.0, message)

    @classmethod
    def of_call(cls, call: Call) -> Call:
        """What an argument gets that is annotated with this class."""
        return call

    @staticmethod
    def current() -> Call | None:
        """The call within which this code runs; None: it runs in the loop, or elsewhere."""
        return CURRENT.get()


CURRENT: ContextVar[Call | None] = ContextVar("call", default=None)


def progress(fraction: float, message: str = "") -> None:
    """Shows how far the call is within which this code runs; elsewhere it shows nothing."""
    call = Call.current()
    if call is not None:
        call.progress(fraction, message)
