"""pyserial-asyncio's API over the serial ports that the operator granted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__version__ = "0.6"
__all__ = ["create_serial_connection", "connection_for_serial", "open_serial_connection", "SerialTransport"]


def _transports() -> Any:
    from external_worker._runtime import serial_streams

    return serial_streams


def __getattr__(name: str) -> Any:
    if name == "SerialTransport":
        return _transports().SerialTransport
    raise AttributeError(name)


async def create_serial_connection(
    loop: Any, protocol_factory: Callable[[], Any], url: str | None = None, *args: Any, **kwargs: Any
) -> tuple[Any, Any]:
    """Opens a port for a protocol; the settings are those of `serial.Serial`."""
    name = url if url is not None else kwargs.pop("port")
    kwargs.pop("port", None)
    return await _transports().connect(loop or asyncio.get_running_loop(), protocol_factory, name, *args, **kwargs)  # type: ignore[no-any-return]


async def connection_for_serial(loop: Any, protocol_factory: Callable[[], Any], serial_instance: Any) -> Any:
    """Refused: an open port cannot change hands."""
    raise NotImplementedError("use create_serial_connection(loop, protocol_factory, url=…): it opens the port itself")


async def open_serial_connection(
    *, loop: Any = None, limit: int = 2**16, **kwargs: Any
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A reader and a writer: `await open_serial_connection(url="bench", baudrate=9600)`."""
    loop = loop or asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await create_serial_connection(loop, lambda: protocol, **kwargs)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
