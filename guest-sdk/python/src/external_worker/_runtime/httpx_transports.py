"""httpx over the host: its transports send each request through wasi:http. They replace httpcore, which would open
sockets and speak TLS itself.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from . import exchange, tls
from .blocking import run


def patch(module: ModuleType) -> None:
    """Takes the places of the methods of httpx's transports."""
    types = sys.modules["httpx._types"]

    def begin(self: Any, verify: Any = True, cert: Any = None, **_: Any) -> None:
        self._verify, self._cert = verify, cert

    def asked(self: Any, request: Any) -> dict[str, Any]:
        tls.usable(self._verify)
        if self._cert is not None:
            raise tls.SSLError("cert=…: the host does not send a certificate of a worker")
        limits = [one for one in (request.extensions.get("timeout") or {}).values() if one is not None]
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        named = {name.lower() for name, _ in headers}
        body = request.stream if named & {"content-length", "transfer-encoding"} else None
        return {
            "method": request.method,
            "url": str(request.url),
            "headers": headers,
            "body": body,
            "timeout": max(limits, default=None),
        }

    def failed(problem: Exception, request: Any) -> Exception:
        import httpx

        if isinstance(problem, TimeoutError):
            return httpx.ReadTimeout(str(problem), request=request)
        return problem if isinstance(problem, PermissionError) else httpx.ConnectError(str(problem), request=request)

    class Async(types.AsyncByteStream):
        def __init__(self, answer: exchange.Answer) -> None:
            self._answer = answer

        async def __aiter__(self) -> Any:
            while chunk := await self._answer.read():
                yield chunk

        async def aclose(self) -> None:
            self._answer.close()

    class Sync(types.SyncByteStream):
        def __init__(self, body: exchange.BlockingBody) -> None:
            self._body = body

        def __iter__(self) -> Any:
            while chunk := self._body.read(65536):
                yield chunk

        def close(self) -> None:
            self._body.close()

    def answered(answer: exchange.Answer, stream: Any) -> Any:
        import httpx

        return httpx.Response(answer.status, headers=answer.headers, stream=stream)

    async def handle_async(self: Any, request: Any) -> Any:
        try:
            answer = await exchange.send(**asked(self, request))
        except OSError as problem:
            raise failed(problem, request) from problem
        return answered(answer, Async(answer))

    def handle(self: Any, request: Any) -> Any:
        sent = asked(self, request)
        try:
            answer = run(exchange.send(**sent), sent["timeout"])
        except OSError as problem:
            raise failed(problem, request) from problem
        return answered(answer, Sync(exchange.BlockingBody(answer, sent["timeout"])))

    async def leave_async(self: Any, *_: Any) -> None:
        return None

    async def enter_async(self: Any) -> Any:
        return self

    async_class, sync_class = module.AsyncHTTPTransport, module.HTTPTransport
    async_class.__init__, async_class.handle_async_request = begin, handle_async
    async_class.aclose, async_class.__aenter__, async_class.__aexit__ = leave_async, enter_async, leave_async
    sync_class.__init__, sync_class.handle_request = begin, handle
    sync_class.close, sync_class.__enter__, sync_class.__exit__ = (
        lambda self: None,
        lambda self: self,
        lambda self, *_: None,
    )
