"""The host as the authors' packages see it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from componentize_py_types import Err
from wit_world.imports import host, types

from .._errors import BY_CODE, WorkerError
from .._kinds import MISSING
from . import values
from .describe import milliseconds

F = TypeVar("F", bound=Callable[..., Any])


def code_of(code: types.ErrorCode) -> str:
    """A code as the contract writes it."""
    return code.name.lower().replace("_", "-")


def _refusals(function: F) -> F:
    """What the host refuses is an exception that Python's authors know."""

    @functools.wraps(function)
    def told(*args: Any) -> Any:
        try:
            return function(*args)
        except Err as problem:
            if not isinstance(problem.value, types.Error):
                raise
            kind = BY_CODE.get(code_of(problem.value.code), WorkerError)
            refused = kind(problem.value.message)
        raise refused

    return told  # type: ignore[return-value]


class Bridge:
    """The host of the sandbox."""

    def name(self) -> str:
        return host.name()

    @_refusals
    def set_config(self, config: dict[str, Any]) -> None:
        host.set_config(values.to_json(config))

    @_refusals
    def emit(self, event: str, data: Any) -> None:
        host.emit(values.text(event), values.to_json(data))

    def set_loop_delay(self, seconds: float) -> None:
        host.set_loop_delay(milliseconds(seconds))

    def pause(self) -> None:
        host.pause()

    def resume_in(self, seconds: float) -> None:
        host.resume_in(milliseconds(seconds))

    def stop_self(self) -> None:
        host.stop_self()

    @_refusals
    def request_trigger(self, method: str) -> None:
        host.request_trigger(method)

    @_refusals
    def nodes(self, method: str) -> list[Any]:
        return [Handle(node) for node in host.nodes(method)]

    @_refusals
    def node_class(self, method: str) -> Any:
        return Handle(host.get_node_class(method))

    def progress(self, call: int, fraction: float, message: str) -> None:
        host.progress(call, fraction, values.text(message))


class Handle:
    """A node or a node class of the host, with values of Python."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    def id(self) -> str:
        return self._resource.id()

    @_refusals
    def value(self, name: str) -> Any:
        return values.from_wit(self._resource.value(name))

    @_refusals
    def set_value(self, name: str, value: Any, triggers: bool) -> None:
        trigger = host.Trigger.YES if triggers else host.Trigger.NO
        self._resource.set_value(name, values.to_wit(value), trigger)

    @_refusals
    def set_default(self, name: str, value: Any) -> None:
        self._resource.set_default(name, None if value is MISSING else values.to_wit(value))

    @_refusals
    def set_value_options(self, name: str, options: dict[str, Any]) -> None:
        self._resource.set_value_options(name, json.dumps(options, default=values.plain))

    @_refusals
    def set_render_options(self, name: str, options: dict[str, Any]) -> None:
        self._resource.set_render_options(name, json.dumps(options, default=values.plain))
