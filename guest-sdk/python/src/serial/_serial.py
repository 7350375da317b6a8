"""`Serial`: pyserial's class over a port of the host."""

from __future__ import annotations

import io
from typing import Any

from ._util import (
    LF,
    PARITY_NONE,
    PortDenied,
    PortNotFound,
    PortNotOpenError,
    SerialException,
    SerialTimeoutException,
    Timeout,
    to_bytes,
)

_SETTINGS = ("baudrate", "bytesize", "parity", "stopbits", "xonxoff", "rtscts", "dsrdtr")
# How much is read ahead at most to answer `in_waiting`.
_AHEAD = 64 * 1024


def _open(name: str, settings: tuple[Any, ...]) -> Any:
    """Opens a port of the host; a test may put something else here."""
    from external_worker._runtime import ports

    return ports.BlockingPort(name, ports.settings(*settings))


def _settings(settings: tuple[Any, ...]) -> Any:
    from external_worker._runtime import ports

    return ports.settings(*settings)


def _setting(name: str) -> Any:
    def get(self: Serial) -> Any:
        return self._settings[name]

    def put(self: Serial, value: Any) -> None:
        before, self._settings[name] = self._settings[name], value
        if self._port is not None and before != value:
            self._call(self._port.configure, _settings(self._wanted()))

    return property(get, put, doc=f"pyserial's {name}; a change takes effect at once.")


def _line(name: str) -> Any:
    def get(self: Serial) -> bool:
        return bool(self._call(self._opened().lines)[name])

    return property(get, doc=f"The input line {name.upper()}.")


class Serial(io.RawIOBase):
    """A serial port. Opens at once when `port` is given."""

    BAUDRATES = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
    BYTESIZES, PARITIES, STOPBITS = (5, 6, 7, 8), ("N", "E", "O"), (1, 2)

    def __init__(
        self,
        port: str | None = None,
        baudrate: int = 9600,
        bytesize: int = 8,
        parity: str = PARITY_NONE,
        stopbits: float = 1,
        timeout: float | None = None,
        xonxoff: bool = False,
        rtscts: bool = False,
        write_timeout: float | None = None,
        dsrdtr: bool = False,
        inter_byte_timeout: float | None = None,
        exclusive: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self._port: Any = None
        self._ahead = bytearray()
        self._settings = dict(zip(_SETTINGS, (baudrate, bytesize, parity, stopbits, xonxoff, rtscts, dsrdtr)))
        self._lines = {"dtr": True, "rts": True, "break": False}
        self.timeout, self.inter_byte_timeout, self.exclusive = timeout, inter_byte_timeout, exclusive
        self.write_timeout = kwargs.pop("writeTimeout", write_timeout)
        if kwargs:
            raise ValueError(f"unexpected keyword arguments: {kwargs!r}")
        self.name = self.port = port
        if port is not None:
            self.open()

    baudrate, bytesize, parity, stopbits = map(_setting, _SETTINGS[:4])
    xonxoff, rtscts, dsrdtr = map(_setting, _SETTINGS[4:])
    cts, dsr, ri, cd = map(_line, ("cts", "dsr", "ri", "cd"))

    def __repr__(self) -> str:
        return f"Serial<id=0x{id(self):x}, open={self.is_open}>(port={self.port!r}, baudrate={self.baudrate!r})"

    # Opening and closing

    def open(self) -> None:
        """Opens the port."""
        if self.port is None:
            raise SerialException("Port must be configured before it can be used.")
        if self.is_open:
            raise SerialException("Port is already open.")
        self.name = self.port
        self._port = self._call(_open, self.port, self._wanted())
        self._ahead.clear()

    def close(self) -> None:
        """Closes the port, if it is open."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port is not None

    def isOpen(self) -> bool:
        """The old name of `is_open`."""
        return self.is_open

    def __enter__(self) -> Serial:
        if self.port is not None and not self.is_open:
            self.open()
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        port = self.__dict__.get("_port")
        if port is not None:
            port.close()

    def _wanted(self) -> tuple[Any, ...]:
        return tuple(self._settings[name] for name in _SETTINGS[:6])

    def _opened(self) -> Any:
        if self._port is None:
            raise PortNotOpenError
        return self._port

    def _call(self, function: Any, *args: Any) -> Any:
        """Errors of the host as pyserial's; they stay what they are of Python's, too."""
        try:
            return function(*args)
        except SerialException:
            raise
        except PermissionError as problem:
            raise PortDenied(*problem.args) from None
        except FileNotFoundError as problem:
            raise PortNotFound(*problem.args) from None
        except OSError as problem:
            raise SerialException(*problem.args) from None

    # Reading

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def read(self, size: int = 1) -> bytes:
        """Up to `size` bytes: fewer when the timeout passes first."""
        port, limit = self._opened(), Timeout(self.timeout)
        pause = self.inter_byte_timeout
        while len(self._ahead) < size:
            left = limit.time_left()
            if pause is not None and self._ahead:
                left = pause if left is None else min(left, pause)
            got = self._call(port.read, max(size - len(self._ahead), 1), left)
            self._ahead += got
            if not got:
                break
        answer = bytes(self._ahead[:size])
        del self._ahead[:size]
        return answer

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read_until(self, expected: bytes = LF, size: int | None = None) -> bytes:
        """Up to and with `expected`, or `size` bytes, or what came before the timeout."""
        port, limit, seen = self._opened(), Timeout(self.timeout), 0
        while True:
            found = self._ahead.find(expected, max(0, seen - len(expected) + 1))
            if found >= 0:
                end = found + len(expected)
                break
            seen = len(self._ahead)
            if size is not None and seen >= size:
                end = size
                break
            got = self._call(port.read, _AHEAD, limit.time_left())
            if not got:
                end = len(self._ahead)
                break
            self._ahead += got
        end = end if size is None else min(end, size)
        answer = bytes(self._ahead[:end])
        del self._ahead[:end]
        return answer

    def readline(self, size: int | None = -1) -> bytes:  # type: ignore[override]
        """A line, or what came before the timeout."""
        return self.read_until(LF, None if size is None or size < 0 else size)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Lines, until the timeout passes without one."""
        if self.timeout is None:
            raise ValueError("readlines needs a timeout: else it has no end")
        lines = []
        while line := self.readline():
            lines.append(line)
        return lines

    def __iter__(self) -> Serial:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def read_all(self) -> bytes:
        """What is there now."""
        return self.read(self.in_waiting)

    readall = read_all

    @property
    def in_waiting(self) -> int:
        """How many bytes are there now."""
        port = self._opened()
        while len(self._ahead) < _AHEAD and (got := self._call(port.read, _AHEAD, 0)):
            self._ahead += got
        return len(self._ahead)

    def inWaiting(self) -> int:
        """The old name of `in_waiting`."""
        return self.in_waiting

    # Writing

    def write(self, b: Any, /) -> int:
        """Hands all of it to the device."""
        data = to_bytes(b)
        try:
            self._opened().write(data, self.write_timeout)
        except TimeoutError:
            raise SerialTimeoutException("Write timeout") from None
        except OSError as problem:
            self._call(_raise, problem)
        return len(data)

    @property
    def out_waiting(self) -> int:
        """Always 0: a write returns when the device has taken everything."""
        self._opened()
        return 0

    def flush(self) -> None:
        """Waits until everything has left the device."""
        if self._port is not None:
            self._call(self._port.drain)

    def reset_input_buffer(self) -> None:
        """Throws away what was not read."""
        self._call(self._opened().clear, True)
        self._ahead.clear()

    def reset_output_buffer(self) -> None:
        """Throws away what was not sent."""
        self._call(self._opened().clear, False)

    flushInput, flushOutput = reset_input_buffer, reset_output_buffer

    def send_break(self, duration: float = 0.25) -> None:
        """A break condition of `duration` seconds."""
        from external_worker._runtime.blocking import sleep

        self.break_condition = True
        sleep(duration)
        self.break_condition = False

    # Lines and settings

    def _set(self, name: str, on: bool) -> None:
        self._lines[name] = bool(on)
        self._call(self._opened().set_line, name, bool(on))

    dtr = property(lambda self: self._lines["dtr"], lambda self, on: self._set("dtr", on), doc="The line DTR.")
    rts = property(lambda self: self._lines["rts"], lambda self, on: self._set("rts", on), doc="The line RTS.")
    break_condition = property(
        lambda self: self._lines["break"], lambda self, on: self._set("break", on), doc="The break condition."
    )

    def get_settings(self) -> dict[str, Any]:
        """The settings, for `apply_settings`."""
        more = ("timeout", "write_timeout", "inter_byte_timeout")
        return {**self._settings, **{name: getattr(self, name) for name in more}}

    def apply_settings(self, d: dict[str, Any]) -> None:
        """Takes settings that differ."""
        for name, value in d.items():
            if name in self.get_settings() and getattr(self, name) != value:
                setattr(self, name, value)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("a port of the host has no file descriptor: use serial_asyncio to wait for more")

    def cancel_read(self) -> None:
        """Does nothing: there is no other thread that could read."""

    cancel_write = cancel_read


def _raise(problem: BaseException) -> None:
    raise problem
