"""Functions of the author that take part: validators and serializers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ._errors import PydanticUserError, UnsupportedError
from ._nodes import Node, Validated

_MODES = ("before", "after", "wrap", "plain")


class _OfAnnotated:
    """A validator that stands in an `Annotated`."""

    mode = ""

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func

    def around(self, node: Node) -> Node:
        """The type with this validator."""
        return wrapped(node, self.mode, self.func)


class AfterValidator(_OfAnnotated):
    """Called with the valid value."""

    mode = "after"


class BeforeValidator(_OfAnnotated):
    """Called with what was given."""

    mode = "before"


class PlainValidator(_OfAnnotated):
    """Called instead of validation."""

    mode = "plain"


class WrapValidator(_OfAnnotated):
    """Called with what was given, and with the validation to call."""

    mode = "wrap"


class Mark:
    """A function of a class body that is not just a method."""

    def __init__(self, function: Any, kind: str, names: tuple[str, ...], mode: str, check: bool = True) -> None:
        self.function, self.kind, self.names, self.mode, self.check = function, kind, names, mode, check
        self.attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        function = self.function
        if self.kind in ("field", "before") and inspect.isfunction(function):
            function = classmethod(function)
        return function.__get__(instance, owner)

    def covers(self, name: str) -> bool:
        """Whether it is for this field."""
        return name in self.names or "*" in self.names


def field_validator(field: str, /, *fields: str, mode: str = "after", check_fields: bool | None = None) -> Any:
    """A method that checks or changes the values of some fields."""
    if not isinstance(field, str):
        raise PydanticUserError("`@field_validator` needs the names of fields", code="validator-no-fields")
    if mode not in _MODES:
        raise PydanticUserError(f"`{mode}` is no mode of field_validator()")
    return lambda function: Mark(function, "field", (field, *fields), mode, check_fields is not False)


def model_validator(*, mode: str) -> Any:
    """A method that checks or changes all values of a model."""
    if mode not in ("before", "after"):
        raise UnsupportedError(f"the mode `{mode}` of model_validator()")
    return lambda function: Mark(function, mode, (), mode)


def field_serializer(field: str, /, *fields: str, mode: str = "plain", when_used: str = "always", **words: Any) -> Any:
    """A method that says how some fields are given out."""
    if mode != "plain":
        raise UnsupportedError(f"the mode `{mode}` of field_serializer()")
    for name in words:
        if name not in ("check_fields", "return_type"):
            raise UnsupportedError(f"`{name}` of field_serializer()")
    check = words.get("check_fields") is not False
    return lambda function: Mark(function, "serializer", (field, *fields), when_used, check)


def wrapped(node: Node, mode: str, function: Callable[..., Any]) -> Node:
    """A type with a validator, which may or may not want to be told more than the value."""
    wanted = 2 if mode == "wrap" else 1
    return Validated(node, mode, function, positional(function) > wanted)


def positional(function: Callable[..., Any]) -> int:
    """How many positional arguments must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for one in parameters if one.kind in kinds and one.default is one.empty)


__all__ = [
    "AfterValidator",
    "BeforeValidator",
    "PlainValidator",
    "WrapValidator",
    "field_serializer",
    "field_validator",
    "model_validator",
]
