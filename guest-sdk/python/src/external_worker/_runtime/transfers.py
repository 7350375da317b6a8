"""Reading and writing streams so that a cancelled transfer ends in the host, too.

componentize-py's readers lose their handle when the task that reads is cancelled: the stream could not be closed any
more, and what had arrived would be lost. These take the places of their methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import componentize_py_runtime as runtime
from componentize_py_async_support import futures, streams

from .tasks import DROPPED

if TYPE_CHECKING:
    from .loop import Loop


def _reading(loop: Loop, kind: str, nothing: Any) -> Any:
    async def read(self: Any, max_count: int) -> Any:
        """Reads what comes, at most `max_count`; nothing once the other end is closed."""
        spare = self.__dict__.pop("spare", None)
        if spare:
            if len(spare) > max_count:
                self.spare = spare[max_count:]
            return spare[:max_count]
        if self.writer_dropped:
            return nothing

        def late(answer: tuple[int, Any]) -> None:
            code, values = answer
            self.writer_dropped = code == DROPPED
            if values:
                self.spare = values

        handle, self.handle = self.handle, None
        if handle is None:
            raise RuntimeError("somebody reads this already, or it is closed")
        try:
            code, values = await loop.wait(runtime.stream_read(self.type_, handle, max_count), kind, late)
        finally:
            self.handle = handle
        if code == DROPPED:
            self.writer_dropped = True
        return values

    return read


def _writing(loop: Loop) -> Any:
    async def write(self: Any, source: bytes) -> int:
        """Writes some of `source`: how much. After a cancelled write it cannot be known how much went."""
        if self.reader_dropped:
            return 0
        handle, self.handle = self.handle, None
        if handle is None:
            raise RuntimeError("somebody writes this already, or it is closed")
        try:
            code, count = await loop.wait(runtime.stream_write(self.type_, handle, bytes(source)), "write")
        finally:
            self.handle = handle
        if code == DROPPED:
            self.reader_dropped = True
        return count  # type: ignore[no-any-return]

    return write


def _future_reading(loop: Loop) -> Any:
    async def read(self: Any) -> Any:
        """Waits for the value. Once begun, it cannot be given up."""
        self.finalizer.detach()
        handle, self.handle = self.handle, None
        if handle is None:
            raise RuntimeError("it was read already")
        value = await loop.wait(runtime.future_read(self.type_, handle), "future")
        runtime.future_drop_readable(self.type_, handle)
        return value

    return read


def _future_writing(loop: Loop) -> Any:
    async def write(self: Any, value: Any) -> bool:
        """Gives it the value, without waiting for whoever reads it."""
        resolve(loop, self, value)
        return True

    return write


def _default(loop: Loop) -> Any:
    def write_default(kind: int, handle: int, default: Any) -> None:
        """What is given to a future that nobody gave a value."""
        loop.let_go(runtime.future_write(kind, handle, default()), lambda: runtime.future_drop_writable(kind, handle))

    return write_default


def install(loop: Loop) -> None:
    """Takes the places of the methods."""
    streams.ByteStreamReader.read = _reading(loop, "read", b"")  # type: ignore[method-assign]
    streams.StreamReader.read = _reading(loop, "accept", [])  # type: ignore[method-assign]
    streams.ByteStreamWriter.write = _writing(loop)  # type: ignore[method-assign]
    futures.FutureReader.read = _future_reading(loop)  # type: ignore[method-assign]
    futures.FutureWriter.write = _future_writing(loop)  # type: ignore[method-assign]
    futures._write_default = _default(loop)


def resolve(loop: Loop, writer: Any, value: Any) -> None:
    """Gives a future its value, without waiting for whoever reads it."""
    writer.finalizer.detach()
    kind, handle = writer.type_, writer.handle
    writer.handle = None
    loop.let_go(runtime.future_write(kind, handle, value), lambda: runtime.future_drop_writable(kind, handle))
