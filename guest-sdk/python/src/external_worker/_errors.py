"""Failures that a caller can tell apart: each has a code of the contract."""

from __future__ import annotations

from typing import ClassVar


class WorkerError(Exception):
    """A failure that was expected, with one sentence for a person: what, where, and what to do.

    What a node or a hook raises reaches its caller as this sentence. Other exceptions do so, too, by the code
    "internal"; a `PermissionError` is "denied", a `TimeoutError`, a `ConnectionError` and a `FileNotFoundError` are
    "unavailable".
    """

    __module__ = "external_worker"
    code: ClassVar[str] = "internal"
    """What clients match on."""


class InvalidInput(WorkerError, ValueError):
    """An input is missing, of the wrong type or out of range."""

    __module__ = "external_worker"
    code = "invalid-input"


class InvalidConfig(WorkerError, ValueError):
    """The configuration cannot be applied."""

    __module__ = "external_worker"
    code = "invalid-config"


class Unavailable(WorkerError, LookupError):
    """What was named is not there, or not there now."""

    __module__ = "external_worker"
    code = "unavailable"


class Denied(WorkerError, PermissionError):
    """The operator did not grant this."""

    __module__ = "external_worker"
    code = "denied"


class Busy(WorkerError):
    """A budget or a queue is used up for now; trying again later may work."""

    __module__ = "external_worker"
    code = "busy"


BY_CODE: dict[str, type[WorkerError]] = {
    kind.code: kind for kind in (WorkerError, InvalidInput, InvalidConfig, Unavailable, Denied, Busy)
}
