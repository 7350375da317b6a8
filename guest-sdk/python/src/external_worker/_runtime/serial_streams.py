"""The transport of `serial_asyncio`: the streams of a port of the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wit_world
from componentize_py_types import Err

from . import ports
from .net import StreamTransport


class SerialTransport(StreamTransport):
    """A port as asyncio wants it."""

    @property
    def serial(self) -> Any:
        """The port of the host."""
        return self._extra["serial"]


async def connect(
    loop: Any,
    protocol_factory: Callable[[], Any],
    name: str,
    baudrate: int = 9600,
    bytesize: int = 8,
    parity: str = "N",
    stopbits: float = 1,
    timeout: float | None = None,
    xonxoff: bool = False,
    rtscts: bool = False,
    **_: Any,
) -> tuple[SerialTransport, Any]:
    """Opens a port for a protocol. Timeouts are asyncio's, so `timeout` changes nothing."""
    what = f"port {name}"
    port = await ports.open_port(name, ports.settings(baudrate, bytesize, parity, stopbits, xonxoff, rtscts))
    writer, outgoing = wit_world.byte_stream()
    try:
        incoming, received = port.receive()
    except Err as error:
        raise ports.os_error(error, what) from None

    async def send() -> None:
        try:
            await port.send(outgoing)
        except Err as error:
            problem = ports.os_error(error, what)
            transport._finish(problem)

    async def ended() -> None:
        answer = await received.read()
        if isinstance(answer, Err):
            raise ports.os_error(answer, what)

    sending = loop.create_task(send())

    def release() -> None:
        sending.cancel()
        received.__exit__(None, None, None)
        loop.call_soon(port.__exit__, None, None, None)

    protocol = protocol_factory()
    transport = SerialTransport(
        loop, protocol, incoming, writer, ended=ended, release=release, extra={"serial": port}, what=what
    )
    return transport, protocol
