"""`time.sleep` that ends when the call or the worker has to end. It stops the whole worker meanwhile, as it always does.

Python's own waits in a clock, which tells it nothing of that, and which stands still where `clocks` is not granted.
"""

from __future__ import annotations

import asyncio
import time

from wit_world.imports import host, program

from .._calls import CURRENT

_MOST_MS = 2000
_by_the_clock = time.sleep


def sleep(seconds: float) -> None:
    """Waits. Raises `asyncio.CancelledError`, once, when it is time to clean up."""
    left = float(seconds)
    if left < 0:
        raise ValueError("sleep length must be non-negative")
    call = CURRENT.get()
    milliseconds = int(left * 1000 + 0.999)
    while milliseconds > 0:
        step = min(milliseconds, _MOST_MS)
        if not host.wait(step, None if call is None else call.id):
            _ended(milliseconds, call)
            return
        milliseconds -= step


def _ended(milliseconds: int, call: object) -> None:
    if call is not None and not call.cancelled:  # type: ignore[attr-defined]
        call.cancelled = True  # type: ignore[attr-defined]
        raise asyncio.CancelledError
    if call is None and not _State.stopping:
        _State.stopping = True
        raise asyncio.CancelledError
    # It cleans up: it may need to wait for a device.
    if "clocks" in program.granted():
        _by_the_clock(milliseconds / 1000)


class _State:
    stopping = False


def stopping() -> None:
    """The worker stops and knows it: its hooks may wait."""
    _State.stopping = True


def install() -> None:
    """Takes the place of Python's own."""
    time.sleep = sleep
