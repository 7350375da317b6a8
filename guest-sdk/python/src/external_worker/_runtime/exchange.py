"""One HTTP request and its answer over wasi:http: the host connects, speaks TLS and asks the policy."""

from __future__ import annotations

import asyncio
import errno
import socket
import urllib.parse
from collections.abc import AsyncIterable, Iterable
from typing import Any

import componentize_py_async_support as support
import wit_world
from componentize_py_types import Err, Ok
from wit_world.imports import client
from wit_world.imports import wasi_http_types as wasi

from . import tls
from .blocking import run
from .tasks import CANCELS, Waiter, begin
from .transfers import resolve

_trailers = wit_world.result_option_wasi_http_types_fields_wasi_http_types_error_code_future
_ended = wit_world.result_unit_wasi_http_types_error_code_future
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")
# What the host writes itself.
_OF_THE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host", "http2-settings"}
_CHUNK = 64 * 1024

Body = bytes | Iterable[bytes] | AsyncIterable[bytes] | None


def os_error(error: Err, what: str) -> OSError:
    """The exception of Python's that an error is."""
    name = type(error.value).__name__.rpartition("_")[2]
    said = getattr(error.value, "value", None)
    match name:
        case "HttpRequestDenied" | "DestinationIpProhibited":
            problem: OSError = PermissionError(f"{what}: not granted: the capability `http` has to cover it")
            problem.errno = errno.EACCES
            return problem
        case "ConnectionRefused":
            return ConnectionRefusedError(f"{what}: refused")
        case "ConnectionTerminated" | "HttpResponseIncomplete":
            return ConnectionResetError(f"{what}: the connection ended early")
        case "TlsCertificateError":
            return tls.SSLCertVerificationError(f"{what}: the host does not trust the certificate")
        case "DnsError" | "DnsTimeout" | "DestinationNotFound":
            return socket.gaierror(socket.EAI_NONAME, f"{what}: there is no such host")
        case _ if name.endswith("Timeout"):
            return TimeoutError(f"{what}: it took too long ({name})")
        case _ if name.startswith("Tls"):
            return tls.SSLError(f"{what}: TLS failed ({name})")
    return OSError(f"{what}: {name}{f': {said}' if isinstance(said, str) else ''}")


class Answer:
    """A status, headers, and a body that comes."""

    def __init__(self, response: Any, what: str) -> None:
        self._what = what
        self.status: int = response.get_status_code()
        with response.get_headers() as fields:
            self.headers = [(name, value.decode("latin-1")) for name, value in fields.copy_all()]
        self._done, done = _ended(lambda: Ok(None))
        self._body, self._trailers = wasi.Response.consume_body(response, done)
        self._open = True

    async def read(self, most: int = _CHUNK) -> bytes:
        """Some of the body; nothing at its end."""
        if not self._open:
            return b""
        data: bytes = await self._body.read(most)
        if data:
            return data
        if self._body.writer_dropped:
            ended = await self._trailers.read()
            self._trailers = None
            self.close()
            if isinstance(ended, Err):
                raise os_error(ended, self._what)
            return b""
        return await self.read(most)

    def close(self) -> None:
        """Lets go of the connection."""
        if not self._open:
            return
        self._open = False
        self._body.__exit__(None, None, None)
        if self._trailers is not None:
            self._trailers.__exit__(None, None, None)
        resolve(asyncio.get_event_loop(), self._done, Ok(None))

    def __del__(self) -> None:
        if self.__dict__.get("_open"):
            self.close()


class BlockingBody:
    """A body that is waited for in place."""

    def __init__(self, answer: Answer, timeout: float | None) -> None:
        self._answer, self._timeout = answer, timeout

    def read(self, most: int = _CHUNK) -> bytes:
        """Some of it; nothing at its end."""
        return run(self._answer.read(most), self._timeout)

    def close(self) -> None:
        """Lets go of the connection."""
        self._answer.close()


def _request(method: str, url: str, headers: Iterable[tuple[str, str]], timeout: float | None, body: Any) -> Any:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not a URL of http or https: {url!r}")
    if parts.username is not None:
        raise ValueError("a URL with a password: send the header Authorization")
    options = wasi.RequestOptions()
    if timeout is not None:
        for put in (options.set_connect_timeout, options.set_first_byte_timeout, options.set_between_bytes_timeout):
            put(max(1, int(timeout * 1e9)))
    sent = [(name.lower(), value.encode("latin-1")) for name, value in headers]
    try:
        fields = wasi.Fields.from_list([one for one in sent if one[0] not in _OF_THE_CONNECTION])
        trailers, later = _trailers(lambda: Ok(None))
        made, transmitted = wasi.Request.new(fields, body, later, options)
        known = method in _METHODS
        made.set_method(getattr(wasi, f"Method_{method.title()}")() if known else wasi.Method_Other(method))
        made.set_scheme(wasi.Scheme_Https() if parts.scheme == "https" else wasi.Scheme_Http())
        made.set_authority(parts.netloc)
        path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        made.set_path_with_query(path + (f"?{parts.query}" if parts.query else ""))
    except Err as error:
        name = type(error.value).__name__.rpartition("_")[2]
        raise ValueError(f"{method} {url}: not a request that can be sent ({name})") from None
    transmitted.__exit__(None, None, None)
    return made, trailers


async def _write(writer: Any, body: Body) -> None:
    """Sends a body, until the other end takes no more."""
    with writer:
        if isinstance(body, (bytes, bytearray, memoryview)):
            await writer.write_all(bytes(body))
        elif isinstance(body, AsyncIterable):
            async for chunk in body:
                await writer.write_all(bytes(chunk))
        elif body is not None:
            for chunk in body:
                await writer.write_all(bytes(chunk))


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Err):
        raise value
    return value.value if isinstance(value, Ok) else value


async def send(
    method: str, url: str, headers: Iterable[tuple[str, str]] = (), body: Body = None, timeout: float | None = None
) -> Answer:
    """Sends a request: the answer, as soon as its headers are there. `timeout` is for each wait, in seconds."""
    loop: Any = asyncio.get_event_loop()
    method, what = method.upper(), f"{method.upper()} {url}"
    headers = list(headers)
    if isinstance(body, (bytes, bytearray)) and not any(name.lower() == "content-length" for name, _ in headers):
        headers.append(("content-length", str(len(body))))
    writer, contents = (None, None) if body is None else wit_world.byte_stream()
    made, trailers = _request(method, url, headers, timeout, contents)
    try:
        begun = begin(support, client.send, made)
        resolve(loop, trailers, Ok(None))
        if writer is not None:
            try:
                await _write(writer, body)
            except BaseException:
                if isinstance(begun, Err):
                    waitable, promise = begun.value
                    Waiter(promise, lambda _: None, CANCELS["import"], True).give_up(waitable)
                raise
        return Answer(_unwrapped(await loop.wait(begun, "import")), what)
    except Err as error:
        raise os_error(error, what) from None
