"""The clients that authors know, over the host: http.client and urllib, urllib3 and requests, httpx.

Those of the standard library are patched here, others when an author imports them.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wit_world.imports import program

from . import exchange, tls, wire
from .blocking import run


class _Body:
    def __init__(self, answer: exchange.Answer, timeout: float | None) -> None:
        self._answer, self._timeout = answer, timeout

    def read(self, most: int) -> bytes:
        return run(self._answer.read(most), self._timeout)

    def close(self) -> None:
        self._answer.close()


def _seconds(timeout: Any) -> float | None:
    return float(timeout) if isinstance(timeout, (int, float)) else None


def host_socket(scheme: str, host: str, port: int | None, timeout: Any) -> wire.HostSocket:
    """A socket whose request goes through the host."""
    name = f"[{host}]" if ":" in host else host
    base = f"{scheme}://{name}" + (f":{port}" if port and port != {"http": 80, "https": 443}[scheme] else "")
    limit = _seconds(timeout)

    def send(method: str, url: str, headers: list[tuple[str, str]], body: bytes | None) -> Any:
        answer = run(exchange.send(method, url, headers, body, limit), limit)
        return answer.status, answer.headers, _Body(answer, limit)

    return wire.HostSocket(base, send)


def _by_host() -> bool:
    """Whether plain http goes through the host, too: where a worker has `http` and no `sockets`."""
    granted = program.granted()
    return "http" in granted and "sockets" not in granted


def _patch_http_client() -> None:
    import http.client

    plain = http.client.HTTPConnection.connect

    def connect(self: Any) -> None:
        if self._tunnel_host or not _by_host():
            plain(self)
        else:
            self.sock = host_socket("http", self.host, self.port, self.timeout)

    def connect_tls(self: Any) -> None:
        tls.usable(self._context)
        self.sock = host_socket("https", self.host, self.port, self.timeout)

    http.client.HTTPConnection.connect = connect  # type: ignore[method-assign]
    http.client.HTTPSConnection.connect = connect_tls  # type: ignore[method-assign]


def _patch_urllib3(module: ModuleType) -> None:
    plain = module.HTTPConnection._new_conn

    def connect(self: Any) -> Any:
        return host_socket("http", self.host, self.port, self.timeout) if _by_host() else plain(self)

    def connect_tls(self: Any) -> None:
        tls.usable(False if self.cert_reqs in (0, "CERT_NONE") else self.ssl_context)
        self.sock = host_socket("https", self.host, self.port, self.timeout)
        self.is_verified = True

    module.HTTPConnection._new_conn = connect
    module.HTTPSConnection.connect = connect_tls


def _patch_httpx(module: ModuleType) -> None:
    import httpx

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
        if isinstance(problem, TimeoutError):
            return httpx.ReadTimeout(str(problem), request=request)
        return problem if isinstance(problem, PermissionError) else httpx.ConnectError(str(problem), request=request)

    class Async(httpx.AsyncByteStream):
        def __init__(self, answer: exchange.Answer) -> None:
            self._answer = answer

        async def __aiter__(self) -> Any:
            while chunk := await self._answer.read():
                yield chunk

        async def aclose(self) -> None:
            self._answer.close()

    class Sync(httpx.SyncByteStream):
        def __init__(self, body: _Body) -> None:
            self._body = body

        def __iter__(self) -> Any:
            while chunk := self._body.read(65536):
                yield chunk

        def close(self) -> None:
            self._body.close()

    def answered(answer: exchange.Answer, stream: Any) -> Any:
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
        return answered(answer, Sync(_Body(answer, sent["timeout"])))

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


_PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "urllib3.connection": _patch_urllib3,
    "httpx._transports.default": _patch_httpx,
}


class _Patcher(importlib.abc.MetaPathFinder):
    """Patches a module of an author's package after it is imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        patch = _PATCHES.get(name)
        if patch is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                return _with_patch(spec, patch)
        return None


def _with_patch(spec: Any, patch: Callable[[ModuleType], None]) -> Any:
    usual = spec.loader

    class Loader(importlib.abc.Loader):
        def create_module(self, spec: Any) -> Any:
            return usual.create_module(spec)

        def exec_module(self, module: ModuleType) -> None:
            usual.exec_module(module)
            patch(module)

        def __getattr__(self, name: str) -> Any:
            return getattr(usual, name)

    spec.loader = Loader()
    return spec


def install() -> None:
    """Patches what is there and waits for the rest."""
    _patch_http_client()
    sys.meta_path.insert(0, _Patcher())
