"""What an author logs and prints becomes lines of the host's log."""

from __future__ import annotations

import io
import logging
import sys

from wit_world.imports import host

from . import problems
from .values import text

_LEVELS = (
    (logging.ERROR, host.Level.ERROR),
    (logging.WARNING, host.Level.WARN),
    (logging.INFO, host.Level.INFO),
    (logging.DEBUG, host.Level.DEBUG),
    (0, host.Level.TRACE),
)
# A print without an end is not kept for ever.
_MOST_CHARACTERS = 16 * 1024
# The rest of a record is left out: the host bounds the lines of a second.
_MOST_LINES = 60


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = next((level for least, level in _LEVELS if record.levelno >= least), host.Level.TRACE)
        try:
            message = self.format(record)
        except Exception as problem:
            place = f"{record.pathname}, line {record.lineno}"
            level, message = host.Level.ERROR, f"{record.msg!r} cannot be logged ({place}): {problems.named(problem)}"
        _tell(level, message)


class _Formatter(logging.Formatter):
    def formatException(self, ei: tuple) -> str:  # noqa: N802
        return problems.shown(ei[1])


class _Lines(io.TextIOBase):
    """A stream whose lines go into the log."""

    encoding = "utf-8"  # type: ignore[assignment]
    errors = "replace"  # type: ignore[assignment]

    def __init__(self, level: host.Level) -> None:
        self._level, self._line = level, ""

    def write(self, written: str) -> int:
        *lines, self._line = (self._line + written).split("\n")
        for line in lines:
            host.log(self._level, text(line))
        if len(self._line) > _MOST_CHARACTERS:
            self.flush()
        return len(written)

    def flush(self) -> None:
        if self._line:
            line, self._line = self._line, ""
            host.log(self._level, text(line))

    def writable(self) -> bool:
        return True


_streams: tuple[_Lines, ...] = ()


def install() -> None:
    """From now on. It needs a host, which is not there while the component is made."""
    handler = _Handler()
    handler.setFormatter(_Formatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    global _streams
    sys.stdout, sys.stderr = _streams = _Lines(host.Level.INFO), _Lines(host.Level.WARN)


def flush() -> None:
    """Logs what was printed without the end of its line."""
    for stream in _streams:
        if stream._line:
            stream.flush()


def log_error(problem: BaseException) -> None:
    """Logs a failure with its traceback."""
    _tell(host.Level.ERROR, problems.shown(problem))


def _tell(level: host.Level, message: str) -> None:
    lines = message.split("\n")
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines[half:-half] = [f"({len(lines) - 2 * half} lines more)"]
    for line in lines:
        host.log(level, text(line))
