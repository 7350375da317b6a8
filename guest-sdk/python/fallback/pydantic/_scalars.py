"""The types of single values."""

from __future__ import annotations

import decimal
import enum
import math
import os
import pathlib
import re
import uuid
from typing import Any

from . import _limits
from ._errors import invalid
from ._giving import Giving, plain_json
from ._nodes import STRICT, Definitions, Node, Schema, Taking

_WORDS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "off", "f", "false", "n", "no"), False),
}
_INTEGER = re.compile(r"[+-]?[0-9]+(_[0-9]+)*(\.0*)?")


class Scalar(Node):
    """A type whose values hold no others."""

    kinds: tuple[type, ...] = ()

    def __init__(self) -> None:
        self.limits: dict[str, Any] = {}

    def give(self, value: Any, how: Giving) -> Any:
        return plain_json(value, how.text) if how.json else value

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.kinds)


class NoneNode(Scalar):
    """None."""

    label, kinds = "none", (type(None),)

    def take(self, value: Any, how: Taking) -> Any:
        if value is not None:
            raise invalid("none_required", value)
        return None

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "null"}


class Integer(Scalar):
    """Whole numbers."""

    kinds = (int,)

    @property
    def label(self) -> str:  # type: ignore[override]
        """What an error in a union calls it."""
        return "constrained-int" if self.limits else "int"

    def take(self, value: Any, how: Taking) -> int:
        taken = self._whole(value, how)
        _limits.check_number(taken, self.limits, value)
        return taken

    def _whole(self, value: Any, how: Taking) -> int:
        if type(value) is int:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            how.converted(STRICT)
            return int(value)
        if how.strict:
            raise invalid("int_type", value)
        how.converted()
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, enum.Enum) and isinstance(value.value, int):
            return value.value
        if isinstance(value, (float, decimal.Decimal)):
            return _whole_of_number(value)
        if isinstance(value, (str, bytes, bytearray)):
            text = _text(value)
            if text is None or not _INTEGER.fullmatch(text.strip()):
                raise invalid("int_parsing", value)
            return int(text.strip().partition(".")[0])
        raise invalid("int_type", value)

    def fits(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, _limits.NUMBER)

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "integer", **_limits.number_schema(self.limits)}


def _whole_of_number(value: float | decimal.Decimal) -> int:
    if not math.isfinite(value):
        raise invalid("finite_number", value)
    if isinstance(value, float) and abs(value) >= 2**63:
        raise invalid("int_parsing_size", value)
    if value != int(value):
        raise invalid("int_from_float", value)
    return int(value)


def _text(value: str | bytes | bytearray) -> str | None:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


class Number(Scalar):
    """Floating point numbers."""

    kinds = (float, int)

    def __init__(self, allow_inf_nan: bool = True) -> None:
        super().__init__()
        self._allow_inf_nan = allow_inf_nan

    @property
    def label(self) -> str:  # type: ignore[override]
        """What an error in a union calls it."""
        return "constrained-float" if self.limits else "float"

    def take(self, value: Any, how: Taking) -> float:
        taken = self._number(value, how)
        if not self.limits.get("allow_inf_nan", self._allow_inf_nan) and not math.isfinite(taken):
            raise invalid("finite_number", value)
        _limits.check_number(taken, self.limits, value, float)
        return taken

    def _number(self, value: Any, how: Taking) -> float:
        if type(value) is float:
            return value
        if isinstance(value, (float, int)) and not isinstance(value, bool):
            how.converted(STRICT)
            return float(value)
        if hasattr(type(value), "__float__") and not isinstance(value, bool):
            how.converted(STRICT)
            return float(value)
        if how.strict:
            raise invalid("float_type", value)
        how.converted()
        if isinstance(value, (str, bytes, bytearray)):
            text = _text(value)
            try:
                return float(text)  # type: ignore[arg-type]
            except (ValueError, TypeError):
                raise invalid("float_parsing", value) from None
        if isinstance(value, bool):
            return float(value)
        raise invalid("float_type", value)

    def give(self, value: Any, how: Giving) -> Any:
        if how.text and self.fits(value):
            value = float(value)
        return super().give(value, how)

    def fits(self, value: Any) -> bool:
        return isinstance(value, self.kinds) and not isinstance(value, bool)

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, (*_limits.NUMBER, "allow_inf_nan"))

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "number", **_limits.number_schema(self.limits)}


class Boolean(Scalar):
    """True and False."""

    label, kinds = "bool", (bool,)

    def take(self, value: Any, how: Taking) -> bool:
        if isinstance(value, bool):
            return value
        if how.strict:
            raise invalid("bool_type", value)
        how.converted()
        if isinstance(value, (str, bytes, bytearray)):
            found = _WORDS.get((_text(value) or "").lower())
        elif isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 2**63):
            found = {0: False, 1: True}.get(int(value))
        else:
            raise invalid("bool_type", value)
        if found is None:
            raise invalid("bool_parsing", value)
        return found

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "boolean"}


class Text(Scalar):
    """Strings; `options` say how they are changed before or after they are checked."""

    kinds = (str,)

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.limits = dict(options or {})

    @property
    def label(self) -> str:  # type: ignore[override]
        """What an error in a union calls it."""
        return "constrained-str" if self.limits else "str"

    def take(self, value: Any, how: Taking) -> str:
        taken = self._string(value, how)
        limits = self.limits
        if not limits:
            return taken
        if limits.get("strip_whitespace"):
            taken = taken.strip()
        _limits.check_size(taken, limits, value, "string")
        if limits.get("pattern") is not None:
            _limits.check_pattern(taken, limits["pattern"], value)
        if limits.get("to_lower"):
            taken = taken.lower()
        return taken.upper() if limits.get("to_upper") else taken

    def _string(self, value: Any, how: Taking) -> str:
        if type(value) is str:
            return value
        if isinstance(value, str):
            how.converted(STRICT)
            return str.__str__(value.value if isinstance(value, enum.Enum) else value)
        if how.strict:
            raise invalid("string_type", value)
        how.converted()
        if isinstance(value, (bytes, bytearray)):
            text = _text(value)
            if text is None:
                raise invalid("string_unicode", value)
            return text
        if isinstance(value, enum.Enum):
            return str(value.value)
        numbers = self.limits.get("coerce_numbers_to_str")
        if numbers and isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
            return str(value)
        raise invalid("string_type", value)

    def limited(self, limits: dict[str, Any]) -> Node:
        words = ("strip_whitespace", "to_lower", "to_upper", "coerce_numbers_to_str")
        return self.with_limits(limits, (*_limits.LENGTH, "pattern", *words))

    def schema(self, defs: Definitions) -> Schema:
        pattern = {name: limit for name, limit in self.limits.items() if name == "pattern" and limit is not None}
        return {"type": "string", **_limits.number_schema(pattern), **_limits.size_schema(self.limits, "Length")}


class Bytes(Scalar):
    """Bytes; in JSON, text."""

    label, kinds = "bytes", (bytes,)

    def take(self, value: Any, how: Taking) -> bytes:
        taken = self._bytes(value, how)
        _limits.check_size(taken, self.limits, value, "bytes")
        return taken

    def _bytes(self, value: Any, how: Taking) -> bytes:
        if isinstance(value, bytes):
            return value
        if isinstance(value, (str, bytearray)) and (how.json or not how.strict):
            how.converted()
            return value.encode() if isinstance(value, str) else bytes(value)
        raise invalid("bytes_type", value)

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, _limits.LENGTH)

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "string", "format": "binary", **_limits.size_schema(self.limits, "Length")}


class DecimalNode(Scalar):
    """Decimal numbers; in JSON, text."""

    label, kinds = "decimal", (decimal.Decimal,)

    def take(self, value: Any, how: Taking) -> decimal.Decimal:
        taken = self._decimal(value, how)
        if not taken.is_finite():
            if self.limits.get("allow_inf_nan"):
                return taken
            raise invalid("finite_number", value)
        _limits.check_digits(taken, self.limits, value)
        _limits.check_number(taken, self.limits, value, lambda limit: decimal.Decimal(str(limit)))
        return taken

    def _decimal(self, value: Any, how: Taking) -> decimal.Decimal:
        if isinstance(value, decimal.Decimal):
            return value
        if how.strict and not how.json:
            raise invalid("is_instance_of", value, {"class": "Decimal"})
        how.converted()
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise invalid("decimal_type", value)
        try:
            return decimal.Decimal(str(value).strip())
        except decimal.InvalidOperation:
            raise invalid("decimal_parsing", value) from None

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, (*_limits.NUMBER, "allow_inf_nan", "max_digits", "decimal_places"))

    def schema(self, defs: Definitions) -> Schema:
        bounds = {name: float(limit) for name, limit in _limits.number_schema(self.limits).items()}
        return {"anyOf": [{"type": "number", **bounds}, {"type": "string"}]}


class UuidNode(Scalar):
    """UUIDs."""

    label, kinds = "uuid", (uuid.UUID,)

    def take(self, value: Any, how: Taking) -> uuid.UUID:
        if isinstance(value, uuid.UUID):
            return value
        if how.strict and not how.json:
            raise invalid("is_instance_of", value, {"class": "UUID"})
        how.converted()
        if isinstance(value, (bytes, bytearray)) and len(value) == 16:
            return uuid.UUID(bytes=bytes(value))
        if not isinstance(value, (str, bytes, bytearray)):
            raise invalid("uuid_type", value)
        text = _text(value) or ""
        wrong = re.search(r"[^0-9a-fA-F\-]", text)
        try:
            return uuid.UUID(text)
        except ValueError:
            why = f"invalid character: found `{wrong[0]}` at {wrong.start()}" if wrong else "invalid length"
            raise invalid("uuid_parsing", value, {"error": why}) from None

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "string", "format": "uuid"}


class PathNode(Scalar):
    """Paths, which need not exist."""

    def __init__(self, cls: type[pathlib.PurePath]) -> None:
        super().__init__()
        self._class, self.kinds = cls, (cls,)
        made = "function-after[path_validator(), str]"
        strict = f"json-or-python[json={made},python=is-instance[{cls.__name__}]]"
        self.label = f"lax-or-strict[lax=union[{strict},{made}],strict={strict}]"

    def take(self, value: Any, how: Taking) -> pathlib.PurePath:
        if isinstance(value, self._class):
            return value
        if how.strict and not how.json:
            raise invalid("is_instance_of", value, {"class": self._class.__qualname__})
        how.converted()
        if isinstance(value, (str, os.PathLike)):
            return self._class(value)
        raise invalid("path_type", value, name=self._class.__name__)

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "string", "format": "path"}


class Secret(Scalar):
    """Text or bytes that are not shown."""

    def __init__(self, cls: type, inner: Node) -> None:
        super().__init__()
        self._class, self._inner, self.kinds = cls, inner, (cls,)
        made = f"function-after[{cls.__name__}(), {inner.label}]"
        either = f"json-or-python[json={made},python=union[is-instance[{cls.__name__}],{made}]]"
        self.label = f"lax-or-strict[lax={either},strict={either}]"

    def take(self, value: Any, how: Taking) -> Any:
        if not isinstance(value, self._class):
            how.converted(STRICT)
            taken = self._class(self._inner.take(value, how))
        else:
            taken = value
        _limits.check_items(taken, self.limits, value, "Value")
        return taken

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, _limits.LENGTH)

    def schema(self, defs: Definitions) -> Schema:
        length = _limits.size_schema(self.limits, "Length")
        return {"type": "string", "format": "password", "writeOnly": True, **length}
