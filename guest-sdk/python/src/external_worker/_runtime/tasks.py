"""Component tasks: what an export call is for the host, and the bells that wake one while another runs.

The host calls an export, and the export returns the set of waitables that it waits for. Only what is in its own set
wakes it. A byte through a stream of which the guest has both ends is how a task that runs wakes one that waits.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import _ewh_intrinsics as intrinsics
import componentize_py_runtime as runtime
from componentize_py_types import Ok

# What an export's callback answers.
EXIT, YIELD, WAIT = 0, 1, 2
# What woke it: a subtask, or up to that, a stream or a future; and of a subtask that it is done.
SUBTASK, FUTURE_WRITE = 1, 5
RETURNED = 2
# How a stream's transfer ended.
DROPPED = 1


class ComponentTask:
    """An export call as the host sees it."""

    __slots__ = ("bell", "borrows", "ended", "export", "result", "rung", "set", "task", "waits")

    def __init__(self, export: int, borrows: int) -> None:
        self.export, self.borrows = export, borrows
        self.task: asyncio.Task[Any] | None = None
        self.set: int | None = None
        self.bell: Bell | None = None
        self.result: Any = None
        self.waits: set[int] = set()
        self.ended = self.rung = False

    def join(self, waitable: int) -> None:
        """Is woken by `waitable` from now on."""
        self.waits.add(waitable)
        runtime.waitable_join(waitable, self.own_set())

    def own_set(self) -> int:
        """The set that it waits for."""
        if self.set is None:
            self.set = runtime.waitable_set_new()
        return self.set


class Bell:
    """Both ends of a stream: a byte wakes the component task whose set has the reading end."""

    __slots__ = ("kind", "promise", "reader", "rung", "writer")

    def __init__(self, kind: int) -> None:
        self.kind = kind
        pair = runtime.stream_new(kind)
        self.reader, self.writer = pair & 0xFFFFFFFF, pair >> 32
        self.promise: int | None = None
        self.rung = False

    def arm(self) -> None:
        """Waits for the byte, unless it does already."""
        if self.promise is None:
            self.promise = runtime.stream_read(self.kind, self.reader, 1).value[1]

    def ring(self) -> None:
        """Sends the byte, which somebody waits for."""
        runtime.stream_write(self.kind, self.writer, b"\0")
        self.rung = True

    def rang(self, event: int) -> None:
        """The byte has come."""
        runtime.promise_get_result(event, self.promise)
        self.promise, self.rung = None, False


class Waiter:
    """Something begun in the host that is not done yet: who waits for it, and how it is given up."""

    __slots__ = ("cancel", "done", "import_", "promise")

    def __init__(self, promise: int, done: Callable[[int], None], cancel: Callable[[int], int], import_: bool) -> None:
        self.promise, self.done, self.cancel, self.import_ = promise, done, cancel, import_

    def give_up(self, waitable: int) -> Any:
        """Ends it now; what it had brought by then, or None. It is in no set any more."""
        event = self.cancel(waitable)
        if not self.import_:
            return runtime.promise_get_result(event, self.promise)
        runtime.subtask_drop(waitable)
        # A result that was not written cannot be read: the few bytes that were for it are lost.
        return runtime.promise_get_result(event, self.promise) if event == RETURNED else None


class _Begun(BaseException):
    """Ends a coroutine of the bindings where it would wait."""


def begin(support: Any, function: Callable[..., Any], *args: Any) -> Any:
    """Calls an asynchronous import as far as it goes at once: `Ok` of its value, or `Err` of what to wait for."""
    begun: list[Any] = []

    async def hold(result: Any) -> Any:
        begun.append(result)
        raise _Begun

    usual, support.await_result = support.await_result, hold
    coroutine = function(*args)
    try:
        coroutine.send(None)
    except _Begun:
        pass
    except StopIteration as answer:
        return Ok(answer.value)
    finally:
        support.await_result = usual
        coroutine.close()
    return begun[0]


def poll(task: ComponentTask) -> tuple[int, int, int]:
    """What happened in the set of a task, if anything did: what kind, to which waitable, and how it ended."""
    if task.set is None:
        return (0, 0, 0)
    return struct.unpack("<III", intrinsics.poll(task.set))  # type: ignore[return-value]


CANCELS = {
    "import": intrinsics.cancel,
    "read": intrinsics.cancel_read,
    "write": intrinsics.cancel_write,
    "accept": intrinsics.cancel_accept,
}
