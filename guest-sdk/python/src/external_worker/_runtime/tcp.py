"""TCP over wasi:sockets 0.3: connections and servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import wit_world
from componentize_py_types import Err
from wit_world.imports import wasi_sockets_types as wasi

from .addresses import family, os_error, plain, to_wit
from .net import StreamTransport, lookup, port_number


async def connect(host: str, port: int, kind: int, local: Any) -> Any:
    """A connected socket: the first address of `host` that answers."""
    problems: list[OSError] = []
    for ip in await lookup(host):
        if kind not in (0, socket.AF_INET if ip.version == 4 else socket.AF_INET6):
            continue
        try:
            made = wasi.TcpSocket.create(family(ip))
            if local is not None:
                made.bind(to_wit((await lookup(local[0]))[0], port_number(local[1])))
            await made.connect(to_wit(ip, port))
        except Err as error:
            problems.append(os_error(error, f"connecting to {host}:{port}"))
            continue
        return made
    raise problems[0] if problems else socket.gaierror(socket.EAI_NONAME, f"{host}: no address of that family")


def transport(loop: Any, protocol: Any, made: Any) -> StreamTransport:
    """A transport over a connected socket."""
    peer = plain(made.get_remote_address())
    what = f"the connection with {peer[0]}:{peer[1]}"
    writer, outgoing = wit_world.byte_stream()
    sent = made.send(outgoing)
    incoming, received = made.receive()

    async def ended() -> None:
        answer = await received.read()
        if isinstance(answer, Err):
            raise os_error(answer, what)

    def release() -> None:
        for one in (sent, received, made):
            one.__exit__(None, None, None)

    extra = {"peername": peer, "sockname": plain(made.get_local_address()), "socket": None}
    return StreamTransport(
        loop, protocol, incoming, writer, ended=ended, release=release, extra=extra, what=what
    )


class Server(asyncio.AbstractServer):
    """What listens."""

    def __init__(self, loop: Any, factory: Callable[[], Any]) -> None:
        self._loop, self._factory = loop, factory
        self._bound: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._open: set[StreamTransport] = set()
        self._closed = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def sockets(self) -> tuple[Any, ...]:
        """What tells where the server listens: objects with `getsockname`."""
        return tuple(_Bound(plain(one.get_local_address())) for one in self._bound)

    async def bind(self, host: str, port: int) -> None:
        """Takes an address."""
        ip = (await lookup(host))[0]
        try:
            made = wasi.TcpSocket.create(family(ip))
            made.bind(to_wit(ip, port))
        except Err as error:
            raise os_error(error, f"listening on {host}:{port}") from None
        self._bound.append(made)

    async def start_serving(self) -> None:
        if self._tasks:
            return
        for one in self._bound:
            where = plain(one.get_local_address())
            try:
                accepted = one.listen()
            except Err as error:
                raise os_error(error, f"listening on {where[0]}:{where[1]}") from None
            self._tasks.append(self._loop.create_task(self._accept(accepted)))

    async def _accept(self, accepted: Any) -> None:
        try:
            while not accepted.writer_dropped:
                for one in await accepted.read(1):
                    self._serve(one)
        finally:
            accepted.__exit__(None, None, None)

    def _serve(self, one: Any) -> None:
        try:
            self._open.add(transport(self._loop, self._factory(), one))
        except Err:
            pass  # It is gone already.
        self._open = {each for each in self._open if not each._lost}

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._loop.create_task(self._end())

    async def _end(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._bound:
            one.__exit__(None, None, None)
        self._bound.clear()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close_clients(self) -> None:
        """Closes what it accepted."""
        for one in self._open:
            one.close()

    def abort_clients(self) -> None:
        """Drops what it accepted."""
        for one in self._open:
            one.abort()

    async def wait_closed(self) -> None:
        if self._bound or not self._closed:
            self._waiting = self._waiting or self._loop.create_future()
            await asyncio.shield(self._waiting)

    def get_loop(self) -> Any:
        return self._loop

    def is_serving(self) -> bool:
        return bool(self._tasks) and not self._closed

    async def serve_forever(self) -> None:
        await self.start_serving()
        try:
            await asyncio.gather(*self._tasks)
        finally:
            self.close()


class _Bound:
    def __init__(self, name: tuple[Any, ...]) -> None:
        self._name = name
        self.family = socket.AF_INET if len(name) == 2 else socket.AF_INET6

    def getsockname(self) -> tuple[Any, ...]:
        """Where it listens."""
        return self._name
