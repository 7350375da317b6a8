"""The constants and exceptions of pyserial."""

from __future__ import annotations

import time
from collections.abc import Iterable

XON, XOFF, CR, LF = b"\x11", b"\x13", b"\r", b"\n"
PARITY_NONE, PARITY_EVEN, PARITY_ODD, PARITY_MARK, PARITY_SPACE = "N", "E", "O", "M", "S"
STOPBITS_ONE, STOPBITS_ONE_POINT_FIVE, STOPBITS_TWO = 1, 1.5, 2
FIVEBITS, SIXBITS, SEVENBITS, EIGHTBITS = 5, 6, 7, 8
PARITY_NAMES = {"N": "None", "E": "Even", "O": "Odd", "M": "Mark", "S": "Space"}


class SerialException(OSError):
    """A port refused or failed."""


class SerialTimeoutException(SerialException):
    """A write did not end in time."""


class PortNotOpenError(SerialException):
    """The port is not open."""

    def __init__(self) -> None:
        super().__init__("Attempting to use a port that is not open")


class PortDenied(SerialException, PermissionError):
    """The port is not granted."""


class PortNotFound(SerialException, FileNotFoundError):
    """The device is not there."""


writeTimeoutError = SerialTimeoutException("Write timeout")
portNotOpenError = PortNotOpenError()


def to_bytes(seq: bytes | bytearray | memoryview | Iterable[int]) -> bytes:
    """Bytes of what pyserial takes for them."""
    if isinstance(seq, str):
        raise TypeError(f"unicode strings are not supported, please encode to bytes: {seq!r}")
    return bytes(seq)


class Timeout:
    """How much of a timeout is left. Without the grant `clocks` time stands still between two waits, so what a wait
    took is added with `spent`."""

    def __init__(self, duration: float | None) -> None:
        self.is_infinite, self.is_non_blocking = duration is None, duration == 0
        self.duration = duration
        self._until = None if duration is None else time.monotonic() + duration
        self._spent = 0.0

    def spent(self, seconds: float) -> None:
        """A wait of `seconds` brought nothing."""
        self._spent += seconds

    def time_left(self) -> float | None:
        """Seconds; None without end."""
        if self.duration is None or self._until is None:
            return None
        return max(0.0, min(self._until - time.monotonic(), self.duration - self._spent))

    def expired(self) -> bool:
        """Whether nothing is left."""
        left = self.time_left()
        return left is not None and left <= 0
