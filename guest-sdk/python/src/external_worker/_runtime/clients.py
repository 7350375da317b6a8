"""The clients that authors know, over the host: http.client and urllib, urllib3 and requests, httpx.

Those of the standard library are patched here, others when an author imports them.
"""

from __future__ import annotations

import importlib.abc
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wit_world.imports import program

from . import exchange, httpx_transports, tls, wire
from .blocking import run


def _seconds(timeout: Any) -> float | None:
    return float(timeout) if isinstance(timeout, (int, float)) else None


def host_socket(scheme: str, host: str, port: int | None, timeout: Any) -> wire.HostSocket:
    """A socket whose request goes through the host."""
    name = f"[{host}]" if ":" in host else host
    base = f"{scheme}://{name}" + (f":{port}" if port and port != {"http": 80, "https": 443}[scheme] else "")
    limit = _seconds(timeout)

    def send(method: str, url: str, headers: list[tuple[str, str]], body: bytes | None) -> Any:
        answer = run(exchange.send(method, url, headers, body, limit), limit)
        return answer.status, answer.headers, exchange.BlockingBody(answer, limit)

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


def _patch_certifi(module: ModuleType) -> None:
    # Its list is a file, which a worker has no place for; the host has its own.
    module.where = lambda: "cacert.pem"  # type: ignore[attr-defined]
    module.contents = lambda: ""  # type: ignore[attr-defined]


def _patch_requests(module: ModuleType) -> None:
    def cert_verify(self: Any, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if isinstance(verify, str) and not verify.endswith("cacert.pem"):
            raise module.SSLError("verify=…: the host decides which certificates are trusted")
        if cert:
            raise module.SSLError("cert=…: the host does not send a certificate of a worker")
        conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"

    module.HTTPAdapter.cert_verify = cert_verify


_PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "urllib3.connection": _patch_urllib3,
    "certifi.core": _patch_certifi,
    "requests.adapters": _patch_requests,
    "httpx._transports.default": httpx_transports.patch,
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
    # Clients try whether they may bind to ::1; each try would be a denial in the operator's log.
    socket.has_ipv6 = False
    _patch_http_client()
    sys.meta_path.insert(0, _Patcher())
