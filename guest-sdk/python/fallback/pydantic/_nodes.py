"""A node is what an annotation means: it takes a value in, gives it out again, and describes itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ._errors import Invalid, UnsupportedError, invalid
from ._giving import Giving, infer

EXACT, STRICT, LAX = 2, 1, 0

Schema = dict[str, Any]
# Definitions by name; the class is kept beside the schema, since two classes may have one name.
Definitions = dict[str, tuple[type, Schema]]


class Taking:
    """How a value is taken in, and what was found out about it on the way."""

    def __init__(self, *, strict: bool = False, json: bool = False, context: Any = None) -> None:
        self.strict, self.json, self.context = strict, json, context
        # What the caller said, where the configuration of a model says nothing.
        self.base_strict = strict
        self.exactness = EXACT
        self.fields_set: int | None = None
        self.data: dict[str, Any] = {}
        self.field_name: str | None = None
        self.config: dict[str, Any] = {}

    def converted(self, level: int = LAX) -> None:
        """Notes that the value had another type; a union prefers those of its members that need not convert."""
        self.exactness = min(self.exactness, level)


class Node:
    """A type. This one is `Any`."""

    label = "any"
    # Whether a field of this type has a title of its own: what is a reference to a definition has the definition's.
    titled = True

    def take(self, value: Any, how: Taking) -> Any:
        """The valid value that `value` stands for."""
        how.converted(STRICT)
        return value

    def give(self, value: Any, how: Giving) -> Any:
        """The value as `model_dump` has it."""
        return infer(value, how)

    def schema(self, defs: Definitions) -> Schema:
        """Its JSON Schema; `defs` gets what it refers to."""
        return {}

    def fits(self, value: Any) -> bool:
        """Whether `value` looks like a valid value of this type, when it is given out."""
        return True

    def limited(self, limits: dict[str, Any]) -> Node:
        """This type with constraints."""
        names = ", ".join(f"`{name}`" for name in limits)
        raise UnsupportedError(f"the constraint {names} on the type `{self.label}`")

    def with_limits(self, limits: dict[str, Any], known: tuple[str, ...]) -> Node:
        """A copy with more in its attribute `limits`, which can only be what is `known`."""
        unknown = {name: limit for name, limit in limits.items() if name not in known}
        if unknown:
            return Node.limited(self, unknown)
        new = copy.copy(self)
        new.limits = {**getattr(self, "limits", {}), **limits}  # type: ignore[attr-defined]
        return new


class Wrapped(Node):
    """A type with something around it."""

    def __init__(self, inner: Node) -> None:
        self.inner = inner
        self.label, self.titled = inner.label, inner.titled

    def take(self, value: Any, how: Taking) -> Any:
        return self.inner.take(value, how)

    def give(self, value: Any, how: Giving) -> Any:
        return self.inner.give(value, how)

    def schema(self, defs: Definitions) -> Schema:
        return self.inner.schema(defs)

    def fits(self, value: Any) -> bool:
        return self.inner.fits(value)


class Described(Wrapped):
    """A type inside of another one, with words for its schema."""

    def __init__(self, inner: Node, words: Callable[[Schema], Schema]) -> None:
        super().__init__(inner)
        self._words = words

    def schema(self, defs: Definitions) -> Schema:
        return self._words(self.inner.schema(defs))


class Strictly(Wrapped):
    """A type that converts nothing, or, in a model that is strict, one that does."""

    def __init__(self, inner: Node, strict: bool) -> None:
        super().__init__(inner)
        self._strict = strict

    def take(self, value: Any, how: Taking) -> Any:
        before, how.strict = how.strict, self._strict
        try:
            return self.inner.take(value, how)
        finally:
            how.strict = before

    def limited(self, limits: dict[str, Any]) -> Node:
        return Strictly(self.inner.limited(limits), self._strict)


class ValidationInfo:
    """What a validator is told beside the value."""

    def __init__(self, how: Taking) -> None:
        self.data, self.field_name, self.config = how.data, how.field_name, how.config
        self.context = how.context
        self.mode = "json" if how.json else "python"


class Validated(Wrapped):
    """A type with a function of the author before, after, around or instead of it."""

    def __init__(self, inner: Node, mode: str, function: Callable[..., Any], with_info: bool) -> None:
        super().__init__(inner)
        self._mode, self._function, self._with_info = mode, function, with_info
        self.label = f"function-{mode}[{getattr(function, '__name__', 'function')}(), {inner.label}]"

    def take(self, value: Any, how: Taking) -> Any:
        if self._mode == "before":
            return self.inner.take(self._call(how, value, value), how)
        if self._mode == "after":
            return self._call(how, value, self.inner.take(value, how))
        if self._mode == "wrap":
            return self._call(how, value, value, lambda inner: self.inner.take(inner, how))
        return self._call(how, value, value)

    def schema(self, defs: Definitions) -> Schema:
        return {} if self._mode == "plain" else self.inner.schema(defs)

    def limited(self, limits: dict[str, Any]) -> Node:
        if self._mode == "plain":
            return Node.limited(self, limits)
        return Validated(self.inner.limited(limits), self._mode, self._function, self._with_info)

    def _call(self, how: Taking, given: Any, *arguments: Any) -> Any:
        if self._with_info:
            arguments = (*arguments, ValidationInfo(how))
        return guarded(given, self._function, *arguments)


def guarded(given: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of the author; what it raises is a problem with the value `given`."""
    from ._errors import ValidationError

    try:
        return function(*arguments)
    except ValidationError as error:
        raise Invalid(error.errors(include_url=False)) from None
    except AssertionError as error:
        raise invalid("assertion_error", given, {"error": error}) from None
    except ValueError as error:
        raise invalid("value_error", given, {"error": error}) from None
