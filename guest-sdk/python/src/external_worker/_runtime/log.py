"""What an author logs and prints becomes lines of the host's log; tracebacks are as Python shows them."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

from wit_world.imports import host

_LEVELS = (
    (logging.ERROR, host.Level.ERROR),
    (logging.WARNING, host.Level.WARN),
    (logging.INFO, host.Level.INFO),
    (logging.DEBUG, host.Level.DEBUG),
    (0, host.Level.TRACE),
)
# Of what runs before an author's line: these packages, and the import system.
_OWN = ("external_worker/", "funcnodes_worker/", "funcnodes_core/", "/app.py", "importlib/", "<frozen importlib")


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = next(level for least, level in _LEVELS if record.levelno >= least)
        host.log(level, self.format(record))


class _Lines:
    """A stream whose lines go into the log."""

    encoding, errors, closed, newlines = "utf-8", "strict", False, None

    def __init__(self, level: host.Level) -> None:
        self._level, self._line = level, ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            host.log(self._level, line)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        if self._line:
            line, self._line = self._line, ""
            host.log(self._level, line)

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def isatty(self) -> bool:
        return False


class _Formatter(logging.Formatter):
    def formatException(self, ei: tuple) -> str:  # noqa: N802
        return shown(ei[1])


def install() -> None:
    """From now on. It needs a host, which is not there while the component is made."""
    handler = _Handler()
    handler.setFormatter(_Formatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    sys.stdout, sys.stderr = _Lines(host.Level.INFO), _Lines(host.Level.WARN)  # type: ignore[assignment]


def shown(problem: BaseException) -> str:
    """The traceback, from the first line of the author's on."""
    problem.__traceback__ = _from_author(problem.__traceback__)
    return "".join(traceback.format_exception(problem)).rstrip()


def named(problem: BaseException) -> str:
    """What it is, in one line."""
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def sentence(problem: BaseException) -> str:
    """What it is and where: the line of the author's that is the innermost."""
    if isinstance(problem, SyntaxError) and problem.filename:
        return f"{type(problem).__name__}: {problem.msg} ({problem.filename}, line {problem.lineno})"
    frames = traceback.extract_tb(problem.__traceback__)
    of_author = [frame for frame in frames if not _is_own(frame.filename) and not frame.filename.startswith("/")]
    place = f" ({of_author[-1].filename}, line {of_author[-1].lineno})" if of_author else ""
    return named(problem) + place


def log_error(text: str) -> None:
    """A line, or several, of the log."""
    host.log(host.Level.ERROR, text)


def _from_author(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and _is_own(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return first


def _is_own(file: str) -> bool:
    return any(own in file for own in _OWN)
