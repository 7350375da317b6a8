"""Serial ports of the host, for `serial` and `serial_asyncio`: settings, errors and an open port that blocks."""

from __future__ import annotations

import errno
from typing import Any

from componentize_py_types import Err
from wit_world.imports import serial as wit

from .blocking import run

_BITS = {5: wit.DataBits.FIVE, 6: wit.DataBits.SIX, 7: wit.DataBits.SEVEN, 8: wit.DataBits.EIGHT}
_PARITY = {"N": wit.Parity.NONE, "O": wit.Parity.ODD, "E": wit.Parity.EVEN}
_STOP = {1: wit.StopBits.ONE, 2: wit.StopBits.TWO}
_ERRORS: dict[str, tuple[type[OSError], int, str]] = {
    "Denied": (PermissionError, errno.EACCES, ""),
    "NotFound": (FileNotFoundError, errno.ENOENT, "the device is not there"),
    "Busy": (OSError, errno.EBUSY, "somebody has the port open, or reads it"),
    "Timeout": (TimeoutError, errno.ETIMEDOUT, "it did not answer in time"),
    "Disconnected": (ConnectionError, errno.ENXIO, "the device went away"),
    "InvalidArgument": (OSError, errno.EINVAL, ""),
    "Exhausted": (OSError, errno.ENOBUFS, ""),
}
# What the host takes at once at most, and how long it waits at most.
_MOST = 64 * 1024
_FOR_EVER_MS = 0xFFFF_FFFF


def os_error(error: Err, what: str) -> OSError:
    """The exception of Python's that an error is."""
    name = type(error.value).__name__.rpartition("_")[2]
    kind, number, text = _ERRORS.get(name, (OSError, errno.EIO, ""))
    problem = kind(f"{what}: {getattr(error.value, 'value', None) or text or 'failed'}")
    problem.errno = number
    return problem


def settings(baudrate: int, bytesize: int, parity: str, stopbits: float, xonxoff: bool, rtscts: bool) -> Any:
    """How a port speaks, for the host. ValueError for what it cannot."""
    for value, known, what in ((bytesize, _BITS, "bytesize"), (parity, _PARITY, "parity"), (stopbits, _STOP, "stopbits")):
        if value not in known:
            raise ValueError(f"Not a valid {what}: {value!r}; the host's ports take {', '.join(map(str, known))}")
    flow = wit.FlowControl.HARDWARE if rtscts else wit.FlowControl.SOFTWARE if xonxoff else wit.FlowControl.NONE
    return wit.Settings(int(baudrate), _BITS[bytesize], _PARITY[parity], _STOP[int(stopbits)], flow)


def ports() -> list[tuple[str, list[int], bool]]:
    """The granted ports: name, rates, whether the device is there."""
    return [(one.name, list(one.baud_rates), one.present) for one in wit.ports()]


async def open_port(name: str, how: Any) -> Any:
    """Opens a granted port."""
    try:
        return await wit.Port.open(name, how)
    except Err as error:
        raise os_error(error, f"could not open port {name}") from None


class BlockingPort:
    """An open port whose methods wait in place."""

    def __init__(self, name: str, how: Any) -> None:
        self._what = f"port {name}"
        self._port = run(open_port(name, how))

    def read(self, most: int, seconds: float | None) -> bytes:
        """At least one byte, or none after `seconds`."""
        ms = _FOR_EVER_MS if seconds is None else max(0, -int(-seconds * 1000 // 1))
        try:
            return run(self._port.read(min(most, _MOST), ms))  # type: ignore[no-any-return]
        except Err as error:
            if isinstance(error.value, wit.Error_Timeout):
                return b""
            raise os_error(error, self._what) from None

    def write(self, data: bytes, seconds: float | None) -> None:
        """Hands all of `data` to the device."""
        ms = _FOR_EVER_MS if seconds is None else max(0, -int(-seconds * 1000 // 1))
        self._do(lambda: run(self._port.write(data, ms)))

    def drain(self) -> None:
        """Waits until everything has left."""
        self._do(lambda: run(self._port.drain(_FOR_EVER_MS)))

    def clear(self, incoming: bool) -> None:
        """Throws away what was not read, or not sent."""
        self._do(lambda: self._port.clear(wit.Buffer.INPUT if incoming else wit.Buffer.OUTPUT))

    def configure(self, how: Any) -> None:
        """Changes the settings."""
        self._do(lambda: self._port.configure(how))

    def set_line(self, line: str, on: bool) -> None:
        """Sets DTR ("dtr"), RTS ("rts") or a break ("break")."""
        names = {"dtr": "set_data_terminal_ready", "rts": "set_request_to_send", "break": "set_break"}
        self._do(lambda: getattr(self._port, names[line])(on))

    def lines(self) -> dict[str, bool]:
        """The input lines."""
        state = self._do(lambda: self._port.lines())
        return {
            "cts": state.clear_to_send,
            "dsr": state.data_set_ready,
            "ri": state.ring_indicator,
            "cd": state.carrier_detect,
        }

    def close(self) -> None:
        """Closes the device."""
        self._port.__exit__(None, None, None)

    def _do(self, what: Any) -> Any:
        try:
            return what()
        except Err as error:
            raise os_error(error, self._what) from None
