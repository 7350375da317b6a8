"""A small client of the FuncNodes websocket protocol. It works with any server that speaks it."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp

PATIENCE = 30.0


class RemoteError(Exception):
    """The server answered a command with an error."""


class Binary:
    """A binary frame: a header like `node=1; io=out; type=io_value`, an empty line and the body."""

    def __init__(self, frame: bytes) -> None:
        head, _, self.body = frame.partition(b"\r\n\r\n")
        parts = (part.partition("=") for part in head.decode().split(";"))
        self.header = {key.strip(): value.strip() for key, _, value in parts}

    def is_value(self, node: str, io: str) -> bool:
        header = self.header
        return (header.get("type"), header.get("node"), header.get("io")) == ("io_value", node, io)


class Client:
    """One connection. `heard` is everything that was no answer, in its order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[Any] = []
        self.pending: dict[str, asyncio.Future] = {}
        self.waiting: list[Any] = []

    async def __aenter__(self) -> "Client":
        self.session = aiohttp.ClientSession()
        try:
            self.socket = await self.session.ws_connect(self.url, max_msg_size=0)
        except BaseException:
            await self.session.close()
            raise
        self.listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.listener.cancel()
        await self.socket.close()
        await self.session.close()

    async def _listen(self) -> None:
        async for frame in self.socket:
            if frame.type == aiohttp.WSMsgType.BINARY:
                self._take(Binary(frame.data))
            elif frame.type == aiohttp.WSMsgType.TEXT:
                message = json.loads(frame.data)
                if message.get("type") == "large_message":
                    message = await self._fetch(message)
                self._take(message)
        for future in self.pending.values():
            if not future.done():
                future.set_exception(ConnectionError(f"{self.url} closed the connection"))

    async def _fetch(self, message: dict[str, Any]) -> Any:
        url = str(message["url"]).replace("localhost", "127.0.0.1")
        async with self.session.get(url) as response:
            body = await response.read()
        return Binary(body) if body.startswith(b"chunk=") else json.loads(body)

    def _take(self, message: Any) -> None:
        binary = isinstance(message, Binary)
        identity = message.header if binary else message
        if identity.get("type") in ("result", "error") and identity.get("id") in self.pending:
            future = self.pending.pop(identity["id"])
            if not future.done():
                future.set_result(message)
            return
        self.heard.append(message)
        for waiter in list(self.waiting):
            wanted, future = waiter
            if not future.done() and wanted(message):
                future.set_result(message)
                self.waiting.remove(waiter)

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send_str(json.dumps(message))

    async def ask(self, command: str, /, as_bytes: bool | None = None, **kwargs: Any) -> Any:
        """Sends a command and gives back its answer, result or error."""
        request = uuid.uuid4().hex
        future = self.pending[request] = asyncio.get_running_loop().create_future()
        message = {"type": "cmd", "cmd": command, "kwargs": kwargs, "id": request}
        if as_bytes is not None:
            message["as_bytes"] = as_bytes
        await self.send(message)
        try:
            return await asyncio.wait_for(future, PATIENCE)
        finally:
            self.pending.pop(request, None)

    async def call(self, command: str, /, **kwargs: Any) -> Any:
        """Sends a command and gives back its result."""
        answer = await self.ask(command, **kwargs)
        if isinstance(answer, Binary):
            return answer
        if answer["type"] == "error":
            raise RemoteError(answer["error"])
        return answer["result"]

    def next(self, wanted: Callable[[Any], bool]) -> "asyncio.Future[Any]":
        """The next message of those that are no answers. Ask for it before causing it."""
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((wanted, future))
        return asyncio.ensure_future(asyncio.wait_for(future, PATIENCE))

    def next_value(self, node: str, io: str) -> "asyncio.Future[Any]":
        return self.next(lambda message: isinstance(message, Binary) and message.is_value(node, io))

    def next_event(self, event: str) -> "asyncio.Future[Any]":
        return self.next(lambda message: isinstance(message, dict) and message.get("event") == event)


async def reachable(url: str, patience: float = 60.0) -> None:
    """Waits until the server answers a command."""
    end = time.monotonic() + patience
    while True:
        try:
            async with Client(url) as client:
                await client.call("get_runstate")
                return
        except (aiohttp.ClientError, ConnectionError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.01)
