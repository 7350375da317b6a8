"""pyserial's API over the serial ports that the operator granted.

`Serial(port)` takes the name that the grant has. Reading and writing block, as they do with pyserial, and nothing
else of the worker goes on meanwhile: neither its loop nor its other nodes. `serial_asyncio` is for workers that do
more than one thing. A wait ends with asyncio.CancelledError when the call is cancelled or the worker stops.
"""

from ._serial import Serial
from ._util import (
    CR,
    EIGHTBITS,
    FIVEBITS,
    LF,
    PARITY_EVEN,
    PARITY_MARK,
    PARITY_NAMES,
    PARITY_NONE,
    PARITY_ODD,
    PARITY_SPACE,
    SEVENBITS,
    SIXBITS,
    STOPBITS_ONE,
    STOPBITS_ONE_POINT_FIVE,
    STOPBITS_TWO,
    XOFF,
    XON,
    PortNotOpenError,
    SerialException,
    SerialTimeoutException,
    Timeout,
    portNotOpenError,
    to_bytes,
    writeTimeoutError,
)

__version__ = VERSION = "3.5"


def serial_for_url(url: str, *args: object, do_not_open: bool = False, **kwargs: object) -> Serial:
    """A port by its name; the other kinds of URLs of pyserial are not known."""
    if "://" in url:
        raise ValueError(f"invalid URL {url!r}: an external worker opens ports by the names that are granted")
    made = Serial(None, *args, **kwargs)  # type: ignore[arg-type]
    made.port = url
    if not do_not_open:
        made.open()
    return made


__all__ = [name for name in dir() if not name.startswith("_")]
