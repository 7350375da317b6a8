# /// script
# [tool.ewh.requests]
# sockets = "talks to an echo server on loopback"
# ///
"""TCP and UDP. At the port of the call something echoes, over TCP and over UDP."""

import asyncio
import socket

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Echo(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.Queue()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.got.put_nowait((data, addr))

    def error_received(self, exc):
        self.got.put_nowait(exc)


class Checks(FuncNodesExternalWorker):
    NODECLASSID = "network_checks"
    LOOP_DELAY = 0.02

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turns = 0

    async def loop(self):
        self.turns += 1

    @instance_nodefunction()
    async def tcp(self, port: int) -> dict:
        found = {}
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        await writer.drain()
        found["echo"] = (await reader.readline()).decode()
        found["peer"] = writer.get_extra_info("peername")[0]
        try:
            await asyncio.wait_for(reader.readline(), 0.05)
        except TimeoutError:
            found["timeout"] = True
        writer.write(b"still\n")
        found["still"] = (await reader.readline()).decode()

        async def send():
            for _ in range(100):
                writer.write(b"x" * 65536)
                await writer.drain()
            writer.write_eof()

        task, total = asyncio.create_task(send()), 0
        while data := await reader.read(65536):
            total += len(data)
        await task
        found["megabytes"] = total / 2**20
        writer.close()
        await writer.wait_closed()
        return found

    @instance_nodefunction()
    async def many(self, port: int, count: int) -> int:
        """Connections that are closed while they are read: none may stay."""
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            task = asyncio.create_task(reader.read(10))
            await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
            assert await task == b""
        return count

    @instance_nodefunction()
    async def server(self) -> dict:
        async def serve(reader, writer):
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = {}
        for text in ("one", "two"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"{text}\n".encode())
            found[text] = (await reader.readline()).decode().strip()
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        try:
            await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError as problem:
            found["refused"] = str(problem).replace(str(port), "PORT")
        return found

    @instance_nodefunction()
    async def udp(self, port: int) -> dict:
        found, loop = {}, asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Echo, remote_addr=("127.0.0.1", port))
        transport.sendto(b"ping")
        found["connected"] = (await asyncio.wait_for(protocol.got.get(), 1))[0].decode()
        transport.close()
        transport, protocol = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        transport.sendto(b"pong", ("127.0.0.1", port))
        data, where = await asyncio.wait_for(protocol.got.get(), 1)
        found["to"] = data.decode(), where == ("127.0.0.1", port)
        transport.close()
        return found

    @instance_nodefunction()
    async def denied(self) -> dict:
        found = {}
        try:
            await asyncio.open_connection("10.255.255.1", 9)
        except PermissionError as problem:
            found["tcp"] = str(problem)
        try:
            await asyncio.open_connection("example.com", 80)
        except PermissionError as problem:
            found["name"] = str(problem)
        try:
            await asyncio.open_connection("127.0.0.1", 1, ssl=True)
        except NotImplementedError as problem:
            found["tls"] = str(problem)[:40]
        return found

    @instance_nodefunction()
    def blocking(self, port: int) -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(b"sync\n")
            return s.recv(100).decode()

    @instance_nodefunction()
    async def names(self) -> list:
        return [where[0] for *_, where in await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)]
