"""Exceptions as an author wants to see them: as Python shows them, without what is not the author's.

An exception is of the author's making: each of its methods may fail, or be a trap.
"""

from __future__ import annotations

import traceback

# Where the runtime's modules lay while it was made, and Python's.
_OWN = ("external_worker/", "funcnodes_worker/", "funcnodes_core/", "wit_world/", "componentize_py", "app.py")
_PYTHON = ("/python/", "<python>/")
_IMPORTING = ("importlib/", "<frozen ")
# Of a recursion there are a thousand, and each takes its time.
_MOST_FRAMES = 50


def shown(problem: BaseException) -> str:
    """The traceback, with the author's lines and those of libraries."""
    try:
        told = traceback.TracebackException.from_exception(problem, limit=-_MOST_FRAMES)
        _tidy(told, set())
        return "".join(told.format()).rstrip()
    except BaseException:  # memory, recursion, or one of its own methods
        return named(problem)


def named(problem: BaseException) -> str:
    """What it is, in one line."""
    kind = type(problem).__name__
    try:
        text = " ".join(str(problem).split())
    except BaseException:
        text = "(it cannot say what it is)"
    if not text and isinstance(problem, MemoryError):
        text = "the memory of the worker is used up"
    return f"{kind}: {text}" if text else kind


def sentence(problem: BaseException) -> str:
    """What it is and where: the line of the author's that is the innermost."""
    if isinstance(problem, SyntaxError) and problem.filename:
        return f"{type(problem).__name__}: {problem.msg} ({problem.filename}, line {problem.lineno})"
    place = ""
    for frame, line in traceback.walk_tb(problem.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith(("/", "<")):
            place = f" ({file}, line {line})"
    return named(problem) + place


def _tidy(told: traceback.TracebackException, seen: set[int]) -> None:
    if id(told) in seen:
        return
    seen.add(id(told))
    told.stack[:] = [frame for frame in told.stack if not _is_hidden(frame.filename)]
    for frame in told.stack:
        frame.filename = _place(frame.filename)
    if not told.stack:
        told.stack = None  # type: ignore[assignment]
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _tidy(other, seen)


def _is_hidden(file: str) -> bool:
    if file.startswith(_PYTHON):
        return file.removeprefix("/python/").startswith(("importlib/", "componentize_py"))
    if file.startswith(_IMPORTING):
        return True
    return file.startswith("/") and any(own in file for own in _OWN)


def _place(file: str) -> str:
    """Where a module is, without where the runtime was made."""
    if file.startswith("/python/"):
        return "<python>/" + file.removeprefix("/python/")
    if file.startswith("/"):
        return "<python>/" + file.lstrip("/").partition("/")[2]
    return file
