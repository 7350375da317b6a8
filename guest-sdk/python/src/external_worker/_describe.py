"""From a function and its decorator's options to a node class."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ._calls import Call
from ._kinds import MISSING, options_json, type_json, value_options

_FIRST_OUTPUT = "out"


@dataclass(frozen=True)
class Port:
    """One input or output of a node class."""

    name: str
    kind: Any
    annotation: Any = MISSING
    description: str | None = None
    default: Any = MISSING
    required: bool = False
    does_trigger: bool = True
    hidden: bool = False
    value_options: dict[str, Any] = field(default_factory=dict)
    render_options: dict[str, Any] = field(default_factory=dict)
    parameter: str = ""
    """The function's own name for it."""


@dataclass(frozen=True)
class NodeClass:
    """What a method or a function is in the library."""

    name: str
    title: str | None
    description: str | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    render_options: dict[str, Any] | None
    trigger_on_call: bool | None
    timeout: float | None
    """Seconds."""
    call: str | None
    """The argument that gets the call."""
    call_kind: Any = Call
    """As what it gets it: a class with `of_call`."""

    @cached_property
    def by_name(self) -> dict[str, Port]:
        """The inputs by their names."""
        return {port.name: port for port in self.inputs}

    @property
    def has_inputs(self) -> bool:
        """Whether a form shows any input."""
        return any(not port.hidden for port in self.inputs)


class Meta:
    """What more is said of an input or an output, within `Annotated`."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.options})"


def declared_port(name: str, annotation: Any, options: dict[str, Any]) -> Port:
    """A port that is declared by itself."""
    return _port(name, annotation, MISSING, options, name)


def node_class(function: Callable[..., Any], name: str, options: dict[str, Any]) -> NodeClass:
    """The node class of a function, whose first argument may be `self`."""
    hints = _hints(function)
    (call, call_kind), inputs = _inputs(function, hints, options)
    render = options.get("default_render_options")
    title = options.get("node_name") or options.get("name")
    return NodeClass(
        name=name,
        title=title or name.title(),
        description=options.get("description") or inspect.getdoc(function) or None,
        inputs=inputs,
        outputs=_outputs(hints.get("return", MISSING), options),
        render_options=dict(render) if render else None,
        trigger_on_call=options.get("trigger_on_call"),
        timeout=seconds(options.get("timeout")),
        call=call,
        call_kind=call_kind,
    )


def seconds(timeout: Any) -> float | None:
    """A time in seconds: a number, a `timedelta`, or a text such as "10min"."""
    if timeout is None:
        return None
    if hasattr(timeout, "total_seconds"):
        return timeout.total_seconds()
    if isinstance(timeout, str):
        for unit, factor in (("ms", 0.001), ("min", 60.0), ("h", 3600.0), ("s", 1.0)):
            if timeout.endswith(unit):
                return float(timeout[: -len(unit)]) * factor
    return float(timeout)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # a name that is not there, such as one that is imported for type checkers only
        return {name: _hint(function, annotation) for name, annotation in _annotations(function).items()}


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return dict(getattr(function, "__annotations__", {}))
    except NameError:  # since Python 3.14 they are looked up late
        import annotationlib  # type: ignore[import-not-found]

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)


def _hint(function: Callable[..., Any], annotation: Any) -> Any:
    """What a text stands for, else the text."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return text
    try:
        return eval(text, getattr(function, "__globals__", {}))
    except Exception:
        return text


def _inputs(
    function: Callable[..., Any], hints: dict[str, Any], options: dict[str, Any]
) -> tuple[tuple[str | None, Any], tuple[Port, ...]]:
    """The argument that gets the call and as what, and those that are inputs."""
    each = options.get("default_io_options") or {}
    given = [dict(entry) for entry in options.get("inputs") or []]
    call: tuple[str | None, Any] = (None, Call)
    ports: list[Port] = []
    for name, parameter in _signature(function).items():
        if name == "self" or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        annotation = hints.get(name, MISSING)
        kind = _call_kind(annotation)
        if kind is not None:
            call = (name, kind)
            continue
        default = MISSING if parameter.default is parameter.empty else parameter.default
        at = len(ports)
        named = next((entry for entry in given if entry.get("name") == name), None)
        over = named or (given[at] if at < len(given) and "name" not in given[at] else {})
        shown = over.get("name") or name
        ports.append(_port(shown, annotation, default, {**over, **(each.get(shown) or each.get(name) or {})}, name))
    return call, tuple(ports)


def _call_kind(annotation: Any) -> Any:
    """The class that says how a call is handed over, if it is one, or that or None."""
    kinds = typing.get_args(annotation) if type(None) in typing.get_args(annotation) else (annotation,)
    return next((kind for kind in kinds if hasattr(kind, "of_call")), None)


def _signature(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:
        raise TypeError(f"{function.__name__} does not say what its arguments are, so it cannot be a node") from None


def _port(name: str, annotation: Any, default: Any, options: dict[str, Any], parameter: str) -> Port:
    options = {**_meta(annotation), **options}
    name = options.get("name") or name
    kind = options.get("type") or type_json(annotation)
    if not isinstance(kind, (str, dict)):
        kind = type_json(kind)
    default = options.get("default", default)
    shown = {**value_options(kind), **(options.get("value_options") or {})}
    required = options.get("required")
    return Port(
        name=name,
        kind=kind,
        annotation=annotation,
        description=options.get("description"),
        default=default,
        required=default is MISSING if required is None else bool(required),
        does_trigger=bool(options.get("does_trigger", True)),
        hidden=bool(options.get("hidden", False)),
        value_options=options_json(shown),
        render_options=dict(options.get("render_options") or {}),
        parameter=parameter,
    )


def _meta(annotation: Any) -> dict[str, Any]:
    if typing.get_origin(annotation) is not typing.Annotated:
        return {}
    said = [one.options for one in annotation.__metadata__ if isinstance(one, Meta)]
    return {key: value for options in said for key, value in options.items()}


def _outputs(result: Any, options: dict[str, Any]) -> tuple[Port, ...]:
    each = options.get("default_io_options") or {}
    given = [dict(entry) for entry in options.get("outputs") or []]
    kinds = _parts(result, len(given))
    if not given:
        if result is MISSING or result is None or result is type(None):
            return ()
        given = [{"name": _FIRST_OUTPUT}] if len(kinds) == 1 else [{} for _ in kinds]
    ports = []
    for at, entry in enumerate(given):
        name = entry.get("name") or (f"{_FIRST_OUTPUT}{at}" if len(given) > 1 else _FIRST_OUTPUT)
        kind = kinds[at] if at < len(kinds) else MISSING
        ports.append(_port(name, kind, MISSING, {"required": False, **entry, **(each.get(name) or {})}, name))
    return tuple(ports)


def _parts(result: Any, outputs: int) -> list[Any]:
    """The annotations of several outputs, or of the one; `outputs` says how many, or 0: as many as there are."""
    parts = typing.get_args(result) if typing.get_origin(result) is tuple else ()
    if outputs == 1 or len(parts) < 2 or ... in parts and not outputs:
        return [result]
    return [part for part in parts if part is not ...]
