"""A socket of http.client's kind that speaks HTTP/1.1 with the client and sends what it says through the host.

http.client, and so urllib and urllib3, write a request into a socket and read an answer from it. This one reads the
request back from the bytes. It needs nothing of the sandbox itself: what sends is given to it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

# Sends a method, a URL, headers and a body: a status, headers, and what reads the answer's body.
Send = Callable[[str, str, list[tuple[str, str]], bytes | None], tuple[int, list[tuple[str, str]], Any]]
# Headers of an answer that describe the connection to the host's client, not to this one.
_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"}


def parse(sent: bytes) -> tuple[str, str, list[tuple[str, str]], bytes | None]:
    """Method, target, headers and body of a request."""
    head, _, rest = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = {name.lower(): value for name, value in headers}
    if "chunked" in named.get("transfer-encoding", "").lower():
        return method, target, headers, unchunked(rest)
    return method, target, headers, rest if "content-length" in named or rest else None


def unchunked(data: bytes) -> bytes:
    """The body that was sent in chunks."""
    out = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        out += data[:length]
        data = data[length + 2 :]
    return bytes(out)


def head(status: int, headers: list[tuple[str, str]]) -> bytes:
    """The beginning of an answer, whose body ends with the connection."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in _HOP]
    return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("latin-1")


class _Reader(io.RawIOBase):
    def __init__(self, begin: bytes, read: Callable[[int], bytes], close: Callable[[], None]) -> None:
        self._left, self._read, self._end = begin, read, close

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self._left[: len(view)] if self._left else self._read(len(view))
        self._left = self._left[len(data) :] if self._left else b""
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._end()
        super().close()


class HostSocket:
    """The socket. One request each: the answer says `Connection: close`."""

    def __init__(self, base: str, send: Send) -> None:
        self._base, self._send = base, send
        self._sent = bytearray()
        self._timeout: float | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Takes a part of the request."""
        self._sent += memoryview(data).cast("B") if not isinstance(data, (bytes, bytearray)) else data

    def send(self, data: Any, flags: int = 0) -> int:
        """Takes a part of the request."""
        self.sendall(data)
        return len(data)

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> Any:
        """Sends the request; what is read from it is the answer."""
        method, target, headers, body = parse(bytes(self._sent))
        self._sent.clear()
        url = target if "://" in target else self._base + target
        status, found, reader = self._send(method, url, headers, body)
        return io.BufferedReader(_Reader(head(status, found), reader.read, reader.close))

    def settimeout(self, timeout: float | None) -> None:
        """How long each wait may take."""
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        """How long each wait may take."""
        return self._timeout

    def setsockopt(self, *_: Any) -> None:
        """The host's connection has options of its own."""

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The host has checked it."""
        return b"" if binary_form else {}

    def version(self) -> str:
        """What a client shows."""
        return "TLS"

    def fileno(self) -> int:
        return -1

    def shutdown(self, how: int) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """The answer that is read closes the connection."""
