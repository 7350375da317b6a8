"""What the loop of a worker does not do, with a sentence for each reason instead of a bare NotImplementedError."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_SOCKETS = (
    "a socket object cannot be watched by the loop of an external worker: use asyncio.open_connection, start_server "
    "or create_datagram_endpoint"
)
_TLS = (
    "there is no TLS over plain sockets in an external worker: for https request the capability `http` and use "
    "external_worker.http, urllib, requests or httpx; for anything else, a proxy that speaks TLS"
)
_PROCESSES = "an external worker can neither start processes nor open pipes, and gets no signals"
_UNIX = "an external worker reaches networks through the capability `sockets`, but no Unix sockets"


def _refused(name: str, sentence: str) -> Callable[..., Any]:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name}: {sentence}")

    refuse.__name__ = name
    refuse.__doc__ = f"Refused: {sentence}."
    return refuse


def refuse_tls(ssl: Any) -> None:
    """Says what to do instead where a connection wants TLS."""
    if ssl:
        raise NotImplementedError(_TLS)


def no_second_loop(main: Any = None, *_args: Any, **_options: Any) -> Any:
    """Refused: what asyncio.run() and asyncio.new_event_loop() are in a worker."""
    if inspect.iscoroutine(main):
        main.close()
    raise RuntimeError(
        "an external worker has one event loop, which runs already: make the function `async def` and use `await`, "
        "or asyncio.create_task()"
    )


class Refusals:
    """Methods of a loop that only refuse."""


for _sentence, _names in {
    _SOCKETS: "sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto sock_connect "
    "sock_accept sock_sendfile add_reader remove_reader add_writer remove_writer connect_accepted_socket",
    _TLS: "start_tls",
    _PROCESSES: "subprocess_shell subprocess_exec connect_read_pipe connect_write_pipe add_signal_handler "
    "remove_signal_handler",
    _UNIX: "create_unix_connection create_unix_server",
}.items():
    for _name in _names.split():
        setattr(Refusals, _name, _refused(_name, _sentence))
