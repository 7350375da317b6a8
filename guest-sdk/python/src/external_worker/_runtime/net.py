"""asyncio's transports over the host's streams, and which of the loop's methods reach a network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err

from .refusals import refuse_tls

_HIGH = 64 * 1024
_READ = 64 * 1024


class StreamTransport(asyncio.Transport):
    """Two streams of bytes and what holds them, as asyncio wants it."""

    def __init__(
        self,
        loop: Any,
        protocol: Any,
        reader: Any,
        writer: Any,
        *,
        ended: Callable[[], Any],
        release: Callable[[], None],
        extra: dict[str, Any],
        what: str,
    ) -> None:
        """`ended` waits for how the incoming stream ended and raises that; `release` lets go of what is below."""
        super().__init__(extra)
        self._loop, self._protocol, self._what = loop, protocol, what
        self._reader, self._writer = reader, writer
        self._ended, self._release = ended, release
        self._buffer = bytearray()
        self._wanted, self._resumed = asyncio.Event(), asyncio.Event()
        self._resumed.set()
        self._eof = self._closed = self._paused = self._lost = False
        self._high, self._low = _HIGH, _HIGH // 4
        loop.call_soon(protocol.connection_made, self)
        self._tasks = [loop.create_task(self._receive()), loop.create_task(self._transmit())]

    async def _receive(self) -> None:
        problem: Exception | None = None
        try:
            while not self._closed:
                await self._resumed.wait()
                data = await self._reader.read(_READ)
                if data and not self._closed:
                    self._protocol.data_received(data)
                if self._reader.writer_dropped:
                    break
            if not self._closed:
                await self._ended()
        except Exception as error:
            problem = error
        if self._closed:
            return
        if problem is None and self._protocol.eof_received():
            return
        if problem is None:
            self.close()
        else:
            self._finish(problem)

    async def _transmit(self) -> None:
        try:
            while True:
                while not self._buffer:
                    if self._eof:
                        self._writer.__exit__(None, None, None)
                        if self._closed:
                            self._finish(None)
                        return
                    self._wanted.clear()
                    await self._wanted.wait()
                await self._send_some()
        except Exception as problem:
            self._finish(problem)

    async def _send_some(self) -> None:
        count = await self._writer.write(bytes(self._buffer[:_READ]))
        del self._buffer[:count]
        if self._writer.reader_dropped:
            raise BrokenPipeError(f"{self._what}: the other end takes no more")
        if self._paused and len(self._buffer) <= self._low:
            self._paused = False
            self._protocol.resume_writing()

    def _finish(self, problem: Exception | None) -> None:
        if self._lost:
            return
        self._closed = self._lost = True
        here = asyncio.current_task()
        others = [task for task in self._tasks if task is not here]
        for task in others:
            task.cancel()
        self._loop.create_task(self._end(others, problem))

    async def _end(self, others: list[asyncio.Task[Any]], problem: Exception | None) -> None:
        # The streams can be closed only when nobody reads or writes them.
        await asyncio.gather(*others, return_exceptions=True)
        for end in (self._reader, self._writer):
            end.__exit__(None, None, None)
        self._release()
        self._protocol.connection_lost(problem)

    def write(self, data: Any) -> None:
        if self._eof or self._closed:
            return
        self._buffer += data
        self._wanted.set()
        if len(self._buffer) > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._eof = True
        self._wanted.set()

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        self._resumed.clear()

    def resume_reading(self) -> None:
        self._resumed.set()

    def is_reading(self) -> bool:
        return self._resumed.is_set() and not self._closed

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Ends when what was written has left."""
        if self._closed:
            return
        self._closed = True
        if self._eof and self._tasks[1].done():
            self._finish(None)
        self._eof = True
        self._wanted.set()

    def abort(self) -> None:
        self._buffer.clear()
        self._finish(None)

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high if high is not None else 4 * low if low is not None else _HIGH
        self._low = low if low is not None else self._high // 4

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol


def port_number(port: Any) -> int:
    """A port, also where it is a string of digits."""
    try:
        return int(port or 0)
    except ValueError:
        raise socket.gaierror(socket.EAI_SERVICE, f"{port!r} is not a port: names of services are not known") from None


async def lookup(host: str) -> list[Any]:
    """The addresses of a name, or the one that it is."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    from wit_world.imports import ip_name_lookup

    from .addresses import from_wit

    try:
        found = await ip_name_lookup.resolve_addresses(host)
    except Err as error:
        name = type(error.value).__name__.rpartition("_")[2]
        if name == "AccessDenied":
            raise PermissionError(f"looking up {host} is not granted: the capability `sockets` has to cover it") from None
        raise socket.gaierror(socket.EAI_NONAME, f"{host}: {name}") from None
    return [from_wit(one) for one in found]


class Network:
    """The methods of a loop that reach a network. What they need of the host is imported when they are called."""

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Connects over TCP."""
        refuse_tls(options.get("ssl"))
        if options.get("sock") is not None:
            raise NotImplementedError("create_connection: give a host and a port; a socket object cannot be taken over")
        if host is None:
            raise ValueError("host and port was not specified and no sock specified")
        from . import tcp

        made = await tcp.connect(host, port_number(port), options.get("family") or 0, options.get("local_addr"))
        protocol = protocol_factory()
        return tcp.transport(self, protocol, made), protocol

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Listens for TCP."""
        refuse_tls(options.get("ssl"))
        if options.get("sock") is not None:
            raise NotImplementedError("create_server: give a host and a port; a socket object cannot be taken over")
        from . import tcp

        hosts = [host or "0.0.0.0"] if host is None or isinstance(host, str) else list(host)
        server = tcp.Server(self, protocol_factory)
        try:
            for one in hosts:
                await server.bind(one, port_number(port))
        except BaseException:
            server.close()
            raise
        if options.get("start_serving", True):
            await server.start_serving()
        return server

    async def create_datagram_endpoint(
        self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **options: Any
    ) -> Any:
        """Sends and receives datagrams over UDP."""
        if options.get("sock") is not None:
            raise NotImplementedError("create_datagram_endpoint: a socket object cannot be taken over")
        from . import udp

        made = await udp.open_socket(local_addr, remote_addr, options.get("family") or 0)
        protocol = protocol_factory()
        return udp.DatagramTransport(self, protocol, made, remote_addr), protocol

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        """Looks a name up without blocking."""
        name = host.decode() if isinstance(host, bytes) else host
        found = []
        for ip in await lookup(name or "127.0.0.1"):
            kind = socket.AF_INET if ip.version == 4 else socket.AF_INET6
            where = (str(ip), port_number(port)) + (() if ip.version == 4 else (0, 0))
            if family in (0, kind):
                found.append((kind, type or socket.SOCK_STREAM, proto, "", where))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"{host}: no address of that family")
        return found

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """The address itself: names of addresses cannot be looked up."""
        return str(sockaddr[0]), str(sockaddr[1])
