"""Waiting inside of a call: what blocking libraries (serial.Serial, urllib, requests) stand on.

A coroutine of imports is run to its end here and now. Whatever it waits for is waited for with `waitable-set.wait`,
and nothing else of the worker goes on meanwhile, as in any program with one thread. The worker cannot be told to
stop then, so it asks, a few times a second.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import _ewh_intrinsics as intrinsics
import componentize_py_async_support as support
import componentize_py_runtime as runtime
from componentize_py_types import Err, Ok
from wit_world.imports import host

from .._calls import CURRENT
from .tasks import CANCELS, RETURNED, SUBTASK, Waiter, begin

if TYPE_CHECKING:
    from .loop import Loop

_T = TypeVar("_T")
# How often a wait asks whether it has to end.
_SLICE_MS = 200


class Blocking:
    """Runs coroutines of imports to their end."""

    def __init__(self, loop: Loop, sleep: Any) -> None:
        self._loop, self._sleep = loop, sleep
        self._set: int | None = None
        self._left: float | None = None
        self.active = False

    def run(self, coroutine: Coroutine[Any, Any, _T], timeout: float | None = None) -> _T:
        """What `coroutine` returns. It may wait for imports and nothing else. TimeoutError after `timeout` seconds."""
        if self._loop._current is None:
            coroutine.close()
            raise RuntimeError(
                "nothing can wait here: neither while a module is imported, nor in get_nodeshelf; do it in loop(), "
                "setup() or a node"
            )
        before = self.active, self._left
        self.active, self._left = True, None if timeout is None else timeout * 1000
        try:
            coroutine.send(None)
        except StopIteration as answer:
            return answer.value  # type: ignore[no-any-return]
        finally:
            self.active, self._left = before
            coroutine.close()
        raise RuntimeError("what blocks cannot wait for the loop")

    def sleep(self, seconds: float) -> None:
        """Waits."""
        self.run(self._sleep(max(0, round(seconds * 1000))))

    def wait(self, waitable: int, promise: int, kind: str, late: Callable[[Any], None] | None) -> Any:
        """The value of what was begun."""
        if self._set is None:
            self._set = runtime.waitable_set_new()
        runtime.waitable_join(waitable, self._set)
        try:
            event = self._event(waitable)
        except BaseException:
            runtime.waitable_join(waitable, 0)
            if kind in CANCELS:
                value = Waiter(promise, _nobody, CANCELS[kind], kind == "import").give_up(waitable)
                if late is not None and value is not None:
                    late(value)
            else:
                self._loop.let_go(Err((waitable, promise)), lambda: None)
            raise
        runtime.waitable_join(waitable, 0)
        if kind == "import":
            runtime.subtask_drop(waitable)
        return runtime.promise_get_result(event, promise)

    def _event(self, waitable: int) -> int:
        while True:
            if self._left is not None and self._left <= 0:
                raise TimeoutError("it did not come in time")
            piece = _SLICE_MS if self._left is None else min(_SLICE_MS, -int(-self._left // 1))
            answer = begin(support, self._sleep, piece)
            asleep = None if isinstance(answer, Ok) else answer.value
            event = self._first(waitable, asleep)
            if event is not None:
                return event
            if self._left is not None:
                self._left -= piece
            call = CURRENT.get(None)
            if not host.wait(0, None if call is None else call.id):
                raise asyncio.CancelledError("the call was cancelled, or the worker stops")

    def _first(self, waitable: int, asleep: tuple[int, int] | None) -> int | None:
        """What became of `waitable`, or None when the sleep was over earlier."""
        if asleep is not None:
            runtime.waitable_join(asleep[0], self._set)
        while True:
            if asleep is None:
                return None
            kind, which, value = struct.unpack("<III", intrinsics.wait(self._set))
            if kind == SUBTASK and value != RETURNED:
                continue
            runtime.waitable_join(asleep[0], 0)
            if which == waitable:
                Waiter(asleep[1], _nobody, CANCELS["import"], True).give_up(asleep[0])
                return value  # type: ignore[no-any-return]
            runtime.subtask_drop(asleep[0])
            runtime.promise_get_result(value, asleep[1])
            return None


def _nobody(_event: int) -> None:
    """Nobody waits for it."""


def run(coroutine: Coroutine[Any, Any, _T], timeout: float | None = None) -> _T:
    """Runs a coroutine of imports to its end in the loop of this worker."""
    loop: Any = asyncio.get_event_loop()
    return loop.blocking.run(coroutine, timeout)  # type: ignore[no-any-return]


def sleep(seconds: float) -> None:
    """Waits in place; the host measures, whatever is granted."""
    loop: Any = asyncio.get_event_loop()
    loop.blocking.sleep(seconds)
