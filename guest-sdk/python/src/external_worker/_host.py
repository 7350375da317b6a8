"""Who these packages talk to: the host in the sandbox, and a stand-in elsewhere that keeps what it is told.

In the sandbox `_runtime` puts the host here before an author's code runs. Outside of it an author's tests find here
what a worker said.
"""

from __future__ import annotations

from typing import Any, Protocol


class Host(Protocol):
    """What a worker can tell its host. Values are those of Python."""

    def name(self) -> str: ...
    def set_config(self, config: dict[str, Any]) -> None: ...
    def emit(self, event: str, data: Any) -> None: ...
    def set_loop_delay(self, seconds: float) -> None: ...
    def pause(self) -> None: ...
    def resume_in(self, seconds: float) -> None: ...
    def stop_self(self) -> None: ...
    def request_trigger(self, method: str) -> None: ...
    def nodes(self, method: str) -> list[Any]: ...
    def node_class(self, method: str) -> Any: ...
    def progress(self, call: int, fraction: float, message: str) -> None: ...


class Nowhere:
    """No host: what it is told is kept in `told`, a list of the function's name and its arguments."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def name(self) -> str:
        return ""

    def set_config(self, config: dict[str, Any]) -> None:
        self.told.append(("set_config", config))

    def emit(self, event: str, data: Any) -> None:
        self.told.append(("emit", event, data))

    def set_loop_delay(self, seconds: float) -> None:
        self.told.append(("set_loop_delay", seconds))

    def pause(self) -> None:
        self.told.append(("pause",))

    def resume_in(self, seconds: float) -> None:
        self.told.append(("resume_in", seconds))

    def stop_self(self) -> None:
        self.told.append(("stop_self",))

    def request_trigger(self, method: str) -> None:
        self.told.append(("request_trigger", method))

    def nodes(self, method: str) -> list[Any]:
        return []

    def node_class(self, method: str) -> Any:
        raise RuntimeError("outside of the sandbox no nodes are made of a method")

    def progress(self, call: int, fraction: float, message: str) -> None:
        self.told.append(("progress", call, fraction, message))


_host: Host = Nowhere()


def host() -> Host:
    """The host that there is now."""
    return _host


def set_host(new: Host) -> None:
    """Puts another one in its place."""
    global _host
    _host = new
