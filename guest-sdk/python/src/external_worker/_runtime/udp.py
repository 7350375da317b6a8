"""UDP over wasi:sockets 0.3."""

from __future__ import annotations

import asyncio
import collections
import ipaddress
import socket
from typing import Any

from componentize_py_types import Err
from wit_world.imports import wasi_sockets_types as wasi

from .addresses import family, os_error, plain, to_wit
from .net import lookup, port_number

# How much waits to be sent before the protocol is told to pause.
_HIGH = 64 * 1024


async def _resolved(address: Any, kind: int) -> tuple[Any, int] | None:
    if address is None:
        return None
    for ip in await lookup(address[0]):
        if kind in (0, socket.AF_INET if ip.version == 4 else socket.AF_INET6):
            return ip, port_number(address[1])
    raise socket.gaierror(socket.EAI_NONAME, f"{address[0]}: no address of that family")


async def open_socket(local: Any, remote: Any, kind: int) -> Any:
    """A bound socket, connected where `remote` is given."""
    here, there = await _resolved(local, kind), await _resolved(remote, kind)
    any_address = ipaddress.ip_address("::" if kind == socket.AF_INET6 else "0.0.0.0")
    known = here or there or (any_address, 0)
    if here is None:
        here = (ipaddress.ip_address("::" if known[0].version == 6 else "0.0.0.0"), 0)
    what = f"opening a datagram socket for {remote or local}"
    try:
        made = wasi.UdpSocket.create(family(known[0]))
        made.bind(to_wit(*here))
        if there is not None:
            what = f"sending datagrams to {there[0]}:{there[1]}"
            made.connect(to_wit(*there))
    except Err as error:
        raise os_error(error, what) from None
    return made


class DatagramTransport(asyncio.DatagramTransport):
    """A UDP socket as asyncio wants it."""

    def __init__(self, loop: Any, protocol: Any, made: Any, remote: Any) -> None:
        extra = {"sockname": plain(made.get_local_address()), "socket": None}
        if remote is not None:
            extra["peername"] = plain(made.get_remote_address())
        super().__init__(extra)
        self._loop, self._protocol, self._socket, self._connected = loop, protocol, made, remote is not None
        self._queue: collections.deque[tuple[bytes, Any]] = collections.deque()
        self._size = 0
        self._wanted = asyncio.Event()
        self._closed = self._lost = self._paused = False
        loop.call_soon(protocol.connection_made, self)
        self._tasks = [loop.create_task(self._receive()), loop.create_task(self._transmit())]

    async def _receive(self) -> None:
        while not self._closed:
            try:
                data, where = await self._socket.receive()
            except Err as error:
                self._protocol.error_received(os_error(error, "receiving datagrams"))
                return
            self._protocol.datagram_received(data, plain(where))

    async def _transmit(self) -> None:
        while not (self._closed and not self._queue):
            if not self._queue:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            data, where = self._queue.popleft()
            self._size -= len(data)
            try:
                await self._send(data, where)
            except OSError as problem:
                self._protocol.error_received(problem)
            if self._paused and self._size <= _HIGH // 4:
                self._paused = False
                self._protocol.resume_writing()
        self._finish()

    async def _send(self, data: bytes, where: Any) -> None:
        to = None
        if where is not None:
            to = to_wit((await lookup(where[0]))[0], port_number(where[1]))
        try:
            await self._socket.send(data, to)
        except Err as error:
            raise os_error(error, f"sending a datagram to {where or 'the peer'}") from None

    def sendto(self, data: Any, addr: Any = None) -> None:
        if self._closed:
            return
        if self._connected:
            addr = None
        elif addr is None:
            raise ValueError("this endpoint has no remote_addr: say where to with `addr`")
        self._queue.append((bytes(data), addr))
        self._size += len(data)
        self._wanted.set()
        if self._size > _HIGH and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def _finish(self) -> None:
        if self._lost:
            return
        self._closed = self._lost = True
        here = asyncio.current_task()
        others = [task for task in self._tasks if task is not here]
        for task in others:
            task.cancel()
        self._loop.create_task(self._end(others))

    async def _end(self, others: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*others, return_exceptions=True)
        self._socket.__exit__(None, None, None)
        self._protocol.connection_lost(None)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True
        self._wanted.set()

    def abort(self) -> None:
        self._queue.clear()
        self._finish()

    def get_write_buffer_size(self) -> int:
        return self._size

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol
