"""What a model says of its fields: `Field`, `PrivateAttr`, `computed_field`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any, overload

from . import _limits
from ._errors import PydanticUndefined, PydanticUserError, UnsupportedError

# What replaces the same word of an earlier `Field`, when it is given.
_WORDS = (
    "alias",
    "validation_alias",
    "serialization_alias",
    "title",
    "description",
    "examples",
    "exclude",
    "deprecated",
    "json_schema_extra",
    "frozen",
    "validate_default",
    "union_mode",
    "repr",
)
# Words that only dataclasses of pydantic heed.
_OF_DATACLASSES = ("init", "init_var", "kw_only")


class FieldInfo:
    """One field of a model."""

    def __init__(self, default: Any = PydanticUndefined, **words: Any) -> None:
        self.default = PydanticUndefined if default is ... else default
        self.default_factory: Callable[..., Any] | None = words.pop("default_factory", None)
        if self.default is not PydanticUndefined and self.default_factory is not None:
            raise TypeError("cannot specify both default and default_factory")
        self.annotation: Any = None
        self.constraints = {name: words.pop(name) for name in _limits.ALL if words.get(name) is not None}
        given = {name: words[name] for name in words if words[name] is not None}
        unknown = [name for name in given if name not in _WORDS and name not in _OF_DATACLASSES]
        if unknown:
            raise UnsupportedError(f"`{unknown[0]}` of Field()")
        self._given = {name: given[name] for name in given if name in _WORDS}
        self._check()

    def _check(self) -> None:
        for name in ("alias", "validation_alias", "serialization_alias"):
            if not isinstance(self._given.get(name, ""), str):
                raise UnsupportedError(f"`{name}` of Field() that is no string")
        if self._given.get("union_mode", "smart") not in ("smart", "left_to_right"):
            raise ValueError("union_mode must be 'smart' or 'left_to_right'")

    def __getattr__(self, name: str) -> Any:
        if name not in _WORDS:
            raise AttributeError(f"'FieldInfo' object has no attribute '{name}'")
        given = self.__dict__.get("_given", {})
        if name in ("validation_alias", "serialization_alias"):
            return given.get(name, given.get("alias"))
        return given.get(name, True if name == "repr" else None)

    @property
    def metadata(self) -> list[Any]:
        """The constraints."""
        return [_Constraint(name, value) for name, value in self.constraints.items()]

    def is_required(self) -> bool:
        """Whether a value must be given."""
        return self.default is PydanticUndefined and self.default_factory is None

    def get_default(
        self, *, call_default_factory: bool = False, validated_data: dict[str, Any] | None = None
    ) -> Any:
        """What the field is when nothing is given."""
        if self.default_factory is None:
            return _copied(self.default)
        if not call_default_factory:
            return None
        if _takes_data(self.default_factory):
            return self.default_factory(validated_data or {})
        return self.default_factory()

    def merged(self, other: FieldInfo) -> FieldInfo:
        """This one, with what `other` says instead."""
        new = copy.copy(self)
        new.constraints = {**self.constraints, **other.constraints}
        new._given = {**self._given, **other._given}
        if not other.is_required():
            new.default, new.default_factory = other.default, other.default_factory
        return new

    def with_alias(self, alias: str) -> FieldInfo:
        """This field under another name, if it has none."""
        new = copy.copy(self)
        new._given = {"alias": alias, **self._given}
        return new

    def __repr__(self) -> str:
        parts = [f"annotation={getattr(self.annotation, '__name__', self.annotation)}"]
        parts.append(f"required={self.is_required()}")
        if self.default is not PydanticUndefined:
            parts.append(f"default={self.default!r}")
        parts += [f"{name}={value!r}" for name, value in self._given.items()]
        if self.constraints:
            parts.append(f"metadata={self.metadata!r}")
        return f"FieldInfo({', '.join(parts)})"


class _Constraint:
    """A constraint as `FieldInfo.metadata` lists it."""

    def __init__(self, name: str, value: Any) -> None:
        setattr(self, name, value)
        self._name, self._value = name, value

    def __repr__(self) -> str:
        return f"{self._name.title().replace('_', '')}({self._name}={self._value!r})"


def _copied(default: Any) -> Any:
    plain = (str, int, float, bytes, bool, type(None), type)
    return default if isinstance(default, plain) else copy.deepcopy(default)


def _takes_data(factory: Callable[..., Any]) -> bool:
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (ValueError, TypeError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return len(parameters) == 1 and parameters[0].kind in positional and parameters[0].default is parameters[0].empty


def Field(default: Any = PydanticUndefined, **words: Any) -> Any:
    """Says more of a field than its type: a default, bounds, words for the form."""
    return FieldInfo(default, **words)


class ModelPrivateAttr:
    """An attribute of instances that is no field."""

    def __init__(self, default: Any = PydanticUndefined, default_factory: Callable[[], Any] | None = None) -> None:
        if default is not PydanticUndefined and default_factory is not None:
            raise TypeError("cannot specify both default and default_factory")
        self.default, self.default_factory = default, default_factory

    def get_default(self) -> Any:
        """What it is in a new instance."""
        return self.default_factory() if self.default_factory else _copied(self.default)


def PrivateAttr(
    default: Any = PydanticUndefined, *, default_factory: Callable[[], Any] | None = None, init: bool = False
) -> Any:
    """An attribute of instances that is no field, whose name begins with an underscore."""
    if init:
        raise UnsupportedError("`init` of PrivateAttr()")
    return ModelPrivateAttr(default, default_factory)


class ComputedFieldInfo:
    """A property that is given out with the fields."""

    def __init__(self, wrapped: property, words: dict[str, Any]) -> None:
        self.wrapped_property, self.alias, self.repr = wrapped, words.get("alias"), words.get("repr", True)
        self.title, self.description = words.get("title"), words.get("description")
        self.return_type = words.get("return_type", PydanticUndefined)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else self.wrapped_property.__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        self.wrapped_property.__set__(instance, value)


@overload
def computed_field(function: Any, /) -> Any: ...
@overload
def computed_field(
    *, alias: str | None = ..., title: str | None = ..., description: str | None = ..., repr: bool = ...,
    return_type: Any = ...,
) -> Any: ...
def computed_field(function: Any = None, /, **words: Any) -> Any:
    """A property that is given out with the fields."""
    known = ("alias", "title", "description", "repr", "return_type", "deprecated", "examples", "json_schema_extra")
    for name in words:
        if name not in known:
            raise UnsupportedError(f"`{name}` of computed_field()")

    def made(what: Any) -> ComputedFieldInfo:
        wrapped = what if isinstance(what, property) else property(what)
        info = ComputedFieldInfo(wrapped, words)
        if info.return_type is PydanticUndefined:
            info.return_type = getattr(wrapped.fget, "__annotations__", {}).get("return", PydanticUndefined)
        if info.return_type is PydanticUndefined:
            raise PydanticUserError(
                "Computed field is missing return type annotation or specifying `return_type`"
                " to the `@computed_field` decorator (e.g. `@computed_field(return_type=int | str)`)",
                code="model-field-missing-annotation",
            )
        return info

    return made if function is None else made(function)


__all__ = ["ComputedFieldInfo", "Field", "FieldInfo", "ModelPrivateAttr", "PrivateAttr", "computed_field"]
