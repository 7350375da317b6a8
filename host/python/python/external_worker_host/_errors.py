"""What can go wrong, as exceptions. The extension raises them by `make`."""

from __future__ import annotations


class SandboxError(Exception):
    """Something was refused, or failed: the message says what, where, and what to do."""

    #: What kind of failure it is, for programs: such as ``"invalid-input"`` or ``"exhausted"``.
    code: str = "internal"


class MissingGrants(SandboxError):
    """The component asks for what the policy does not grant."""

    code = "missing-grants"


class GuestError(SandboxError):
    """The guest answered with an error of its own; the code is that of its contract."""


class Ended(SandboxError):
    """The instance is not there any more."""

    code = "ended"


class Deadline(SandboxError, TimeoutError):
    """Something took longer than it may."""

    code = "deadline"


class Busy(SandboxError):
    """Too much at once; trying again later may work."""

    code = "busy"


_KINDS = {kind.__name__: kind for kind in (SandboxError, MissingGrants, GuestError, Ended, Deadline, Busy)}


def make(kind: str, code: str, message: str) -> SandboxError:
    """The exception ``kind`` with ``code``."""
    error = _KINDS[kind](message)
    error.code = code
    return error
