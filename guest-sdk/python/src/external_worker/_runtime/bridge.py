"""The host as the authors' packages see it."""

from __future__ import annotations

import json
from typing import Any

from wit_world.imports import host

from . import values
from .describe import milliseconds


class Bridge:
    """The host of the sandbox."""

    def emit(self, event: str, data: Any) -> None:
        host.emit(event, values.to_json(data))

    def set_loop_delay(self, seconds: float) -> None:
        host.set_loop_delay(milliseconds(seconds))

    def pause(self) -> None:
        host.pause()

    def resume_in(self, seconds: float) -> None:
        host.resume_in(milliseconds(seconds))

    def stop_self(self) -> None:
        host.stop_self()

    def request_trigger(self, method: str) -> None:
        host.request_trigger(method)

    def nodes(self, method: str) -> list[Any]:
        return [Handle(node) for node in host.nodes(method)]

    def node_class(self, method: str) -> Any:
        return Handle(host.get_node_class(method))

    def progress(self, call: int, fraction: float, message: str) -> None:
        host.progress(call, fraction, message)


class Handle:
    """A node or a node class of the host, with values of Python."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    def id(self) -> str:
        return self._resource.id()

    def value(self, name: str) -> Any:
        return values.from_wit(self._resource.value(name))

    def set_value(self, name: str, value: Any, triggers: bool) -> None:
        trigger = host.Trigger.YES if triggers else host.Trigger.NO
        self._resource.set_value(name, values.to_wit(value), trigger)

    def set_default(self, name: str, value: Any) -> None:
        self._resource.set_default(name, None if value is None else values.to_wit(value))

    def set_value_options(self, name: str, options: dict[str, Any]) -> None:
        self._resource.set_value_options(name, json.dumps(options, default=values.plain))

    def set_render_options(self, name: str, options: dict[str, Any]) -> None:
        self._resource.set_render_options(name, json.dumps(options, default=values.plain))


