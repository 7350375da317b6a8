"""The types that are a choice: literals and enumerations."""

from __future__ import annotations

import copy
import decimal
import enum
import inspect
import re
from typing import Any

from ._errors import UnsupportedError, invalid
from ._nodes import Definitions, Node, Schema, Taking
from ._scalars import Integer, Scalar, Text

_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def listed(values: list[Any]) -> str:
    """Values as an error lists them."""
    shown = [repr(value.value if isinstance(value, enum.Enum) else value) for value in values]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


class LiteralNode(Scalar):
    """One of some values."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        super().__init__()
        self._values = list(values)
        self.label = f"literal[{','.join(repr(value) for value in values)}]"

    def take(self, value: Any, how: Taking) -> Any:
        found = self._find(value, how)
        if found is None and not (None in self._values and value is None):
            raise invalid("literal_error", value, {"expected": listed(self._values)})
        return found

    def _find(self, value: Any, how: Taking) -> Any:
        for one in self._values:
            if type(one) is type(value) and one == value:
                return one
        if isinstance(value, (float, decimal.Decimal)):
            return next((one for one in reversed(self._values) if one == value), None)
        for one in self._values:
            same = isinstance(value, str) and isinstance(one, str)
            if (same and one == value) or (how.json and isinstance(one, enum.Enum) and one.value == value):
                how.converted()
                return one
        return None

    def fits(self, value: Any) -> bool:
        return value in self._values

    def schema(self, defs: Definitions) -> Schema:
        values = [value.value if isinstance(value, enum.Enum) else value for value in self._values]
        body: Schema = {"const": values[0]} if len(values) == 1 else {"enum": values}
        return {**body, **_common_type(values)}


class EnumNode(Scalar):
    """The members of an enumeration, or their values."""

    titled = False

    def __init__(self, cls: type[enum.Enum], use_values: bool = False) -> None:
        super().__init__()
        self._class, self._use_values, self.kinds = cls, use_values, (cls,)
        self._like: Node | None = Integer() if issubclass(cls, int) else Text() if issubclass(cls, str) else None
        prefix = "int-" if issubclass(cls, int) else "str-" if issubclass(cls, str) else ""
        self.label = f"{prefix}enum[{cls.__name__}]"
        if not list(cls):
            raise UnsupportedError(f"the enumeration `{cls.__name__}` without members")

    def take(self, value: Any, how: Taking) -> Any:
        member = self._member(value, how)
        return member.value if self._use_values else member

    def _member(self, value: Any, how: Taking) -> enum.Enum:
        if isinstance(value, self._class):
            return value
        if how.strict and not how.json:
            raise invalid("is_instance_of", value, {"class": self._class.__qualname__})
        how.converted()
        try:
            return self._class(self._like.take(value, copy.copy(how)) if self._like else value)
        except Exception:  # whatever an author's `_missing_` or a strange value raises
            values = [member.value for member in self._class]
            raise invalid("enum", value, {"expected": listed(values)}) from None

    def fits(self, value: Any) -> bool:
        return isinstance(value, self._class) or (self._use_values and value in [one.value for one in self._class])

    def schema(self, defs: Definitions) -> Schema:
        cls, values = self._class, [member.value for member in self._class]
        body: Schema = {"enum": values, "title": cls.__name__, **_common_type(values)}
        doc = cls.__doc__ and inspect.cleandoc(cls.__doc__)
        if doc and doc not in ("An enumeration.", enum.Enum.__doc__, enum.IntEnum.__doc__):
            body["description"] = doc
        return define(cls, lambda: body, defs)


def _common_type(values: list[Any]) -> Schema:
    kinds = {_JSON_TYPES.get(type(value)) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    return {"type": kind} if kind else {}


def define(cls: type, body: Any, defs: Definitions) -> Schema:
    """A reference to the definition of a class, which is made when it is met first."""
    name = re.sub(r"[^a-zA-Z0-9.\-_]", "_", cls.__name__)
    known = defs.get(name)
    if known is None:
        defs[name] = (cls, {})
        defs[name] = (cls, body())
    elif known[0] is not cls:
        raise UnsupportedError(f"a schema with two classes of the name `{name}`")
    return {"$ref": f"#/$defs/{name}"}


