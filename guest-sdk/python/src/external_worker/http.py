"""HTTP and HTTPS through the capability `http`: the host connects, speaks TLS, and asks the policy for each request.

    from external_worker import http

    response = await http.get("https://example.com/", timeout=10)
    print(response.status, response.headers["content-type"], response.text)

    async with http.stream("GET", url) as response:
        async for chunk in response:
            …

A request that is not granted is a PermissionError, one that takes too long a TimeoutError. `urllib`, `requests` and
`httpx` go the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.message
import json as _json
import urllib.parse
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any

_MOST_REDIRECTS = 10
_SECONDS = 60.0

Body = bytes | str | Iterable[bytes] | AsyncIterable[bytes] | None


class HTTPError(OSError):
    """An answer that says that something failed."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.url} answered {response.status}")
        self.response = response


class Response:
    """An answer. `content`, `text` and `json()` are there when the body was read."""

    def __init__(self, url: str, answer: Any) -> None:
        self.url, self.status = url, answer.status
        self.headers = email.message.Message()
        for name, value in answer.headers:
            self.headers[name] = value
        self._answer = answer
        self._content: bytes | None = None

    @property
    def ok(self) -> bool:
        """Whether it is no failure."""
        return bool(self.status < 400)

    @property
    def content(self) -> bytes:
        """The body."""
        if self._content is None:
            raise RuntimeError("the body was not read: `await response.read()` first")
        return self._content

    @property
    def text(self) -> str:
        """The body as text, in the encoding that its headers name."""
        return self.content.decode(self.headers.get_content_charset() or "utf-8", "replace")

    def json(self) -> Any:
        """The body, which is JSON."""
        return _json.loads(self.content)

    def raise_for_status(self) -> Response:
        """Raises HTTPError for a failure."""
        if not self.ok:
            raise HTTPError(self)
        return self

    async def read(self) -> bytes:
        """Reads the whole body."""
        if self._content is None:
            self._content = b"".join([chunk async for chunk in self])
        return self._content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces, as they come."""
        while chunk := await self._answer.read():
            yield chunk

    def close(self) -> None:
        """Lets go of the connection."""
        self._answer.close()

    def __repr__(self) -> str:
        return f"<Response {self.status} of {self.url}>"


async def _send(method: str, url: str, headers: dict[str, str], body: Body, redirects: bool) -> Response:
    from ._runtime import exchange

    content: Any = body.encode() if isinstance(body, str) else body
    for _ in range(_MOST_REDIRECTS + 1):
        response = Response(url, await exchange.send(method, url, headers.items(), content))
        where = response.headers.get("location")
        if not redirects or where is None or response.status not in (301, 302, 303, 307, 308):
            return response
        response.close()
        before, url = urllib.parse.urlsplit(url), urllib.parse.urljoin(url, where)
        if response.status < 304 and method not in ("GET", "HEAD"):
            method, content = "GET", None
            headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        if urllib.parse.urlsplit(url)[:2] != before[:2]:
            # What was for one server is not for another.
            headers = {name: value for name, value in headers.items() if name.lower() not in ("authorization", "cookie")}
    raise OSError(f"{url}: more than {_MOST_REDIRECTS} redirects")


def _prepared(url: str, params: Any, headers: Any, json: Any, data: Body) -> tuple[str, dict[str, str], Body]:
    sent = dict(headers or {})
    if params:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(params, doseq=True)
    if json is not None:
        sent.setdefault("content-type", "application/json")
        data = _json.dumps(json).encode()
    elif isinstance(data, Mapping):
        sent.setdefault("content-type", "application/x-www-form-urlencoded")
        data = urllib.parse.urlencode(data, doseq=True).encode()
    return url, sent, data


@contextlib.asynccontextmanager
async def stream(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    data: Body | Mapping[str, Any] = None,
    json: Any = None,
    timeout: float | None = _SECONDS,
    follow_redirects: bool = True,
) -> AsyncIterator[Response]:
    """An answer whose body is read in pieces. `timeout` is for the time until its headers are there."""
    url, sent, body = _prepared(url, params, headers, json, data)  # type: ignore[arg-type]
    async with asyncio.timeout(timeout):
        response = await _send(method.upper(), url, sent, body, follow_redirects)
    try:
        yield response
    finally:
        response.close()


async def request(method: str, url: str, *, timeout: float | None = _SECONDS, **options: Any) -> Response:
    """An answer with its body. Options are those of `stream`; `timeout` is for all of it."""
    async with asyncio.timeout(timeout), stream(method, url, timeout=None, **options) as response:
        await response.read()
        return response


async def get(url: str, **options: Any) -> Response:
    """`request("GET", …)`."""
    return await request("GET", url, **options)


async def head(url: str, **options: Any) -> Response:
    """`request("HEAD", …)`."""
    return await request("HEAD", url, **options)


async def post(url: str, **options: Any) -> Response:
    """`request("POST", …)`."""
    return await request("POST", url, **options)


async def put(url: str, **options: Any) -> Response:
    """`request("PUT", …)`."""
    return await request("PUT", url, **options)


async def delete(url: str, **options: Any) -> Response:
    """`request("DELETE", …)`."""
    return await request("DELETE", url, **options)
