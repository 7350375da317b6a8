"""Constraints on values, and their names in JSON Schema."""

from __future__ import annotations

import datetime
import decimal
import re
from typing import Any

from ._errors import UnsupportedError, invalid

ORDER = ("gt", "ge", "lt", "le")
NUMBER = (*ORDER, "multiple_of")
LENGTH = ("min_length", "max_length")
# Every word of `Field` that is a constraint.
ALL = (*NUMBER, *LENGTH, "pattern", "strict", "allow_inf_nan", "max_digits", "decimal_places", "coerce_numbers_to_str")

_KINDS = {
    "multiple_of": "multiple_of",
    "le": "less_than_equal",
    "lt": "less_than",
    "ge": "greater_than_equal",
    "gt": "greater_than",
}
_SCHEMA = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}


def check_number(value: Any, limits: dict[str, Any], given: Any, convert: Any = None) -> None:
    """Refuses what is out of bounds; `convert` gives limits the type of the value."""
    for name, kind in _KINDS.items():
        if name not in limits:
            continue
        limit = convert(limits[name]) if convert else limits[name]
        if not _holds(name, value, limit):
            raise invalid(kind, given, {name: _shown(limit)})


def _holds(name: str, value: Any, limit: Any) -> bool:
    if name == "multiple_of":
        return _is_multiple(value, limit)
    if name == "gt":
        return bool(value > limit)
    if name == "ge":
        return bool(value >= limit)
    return bool(value < limit) if name == "lt" else bool(value <= limit)


def _is_multiple(value: Any, limit: Any) -> bool:
    if not isinstance(value, float):
        return bool(value % limit == 0)
    rest = value % limit
    threshold = abs(value) / 1e9
    return bool(abs(rest) <= threshold or abs(rest - limit) <= threshold)


def _shown(limit: Any) -> Any:
    if not isinstance(limit, datetime.timedelta):
        return limit
    hours, rest = divmod(limit.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    counts = [("day", limit.days), ("hour", hours), ("minute", minutes), ("second", seconds)]
    counts.append(("microsecond", limit.microseconds))
    parts = [f"{count} {unit}{'' if count == 1 else 's'}" for unit, count in counts if count]
    return " and ".join(parts) or "0 seconds"


def check_items(value: Any, limits: dict[str, Any], given: Any, what: str, counted: bool = True) -> None:
    """Refuses a collection of a wrong length."""
    size = len(value)
    if size < limits.get("min_length", 0):
        context = {"field_type": what, "min_length": limits["min_length"], "actual_length": size}
        raise invalid("too_short", given, context, actual=size)
    longest = limits.get("max_length")
    if longest is not None and size > longest:
        context = {"field_type": what, "max_length": longest, "actual_length": size if counted else None}
        raise invalid("too_long", given, context, actual=size if counted else "more")


def check_size(value: Any, limits: dict[str, Any], given: Any, kind: str) -> None:
    """Refuses text or bytes of a wrong length."""
    shortest, longest = limits.get("min_length"), limits.get("max_length")
    if shortest is not None and len(value) < shortest:
        raise invalid(f"{kind}_too_short", given, {"min_length": shortest})
    if longest is not None and len(value) > longest:
        raise invalid(f"{kind}_too_long", given, {"max_length": longest})


def check_pattern(value: str, pattern: str | re.Pattern[str], given: Any) -> None:
    """Refuses text that does not match."""
    if not re.search(pattern, value):
        shown = pattern if isinstance(pattern, str) else pattern.pattern
        raise invalid("string_pattern_mismatch", given, {"pattern": shown})


def check_digits(value: decimal.Decimal, limits: dict[str, Any], given: Any) -> None:
    """Refuses a decimal of too many digits."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    places = max(0, -exponent)
    total = max(len(digits) + max(0, exponent), places)
    if "max_digits" in limits and total > limits["max_digits"]:
        raise invalid("decimal_max_digits", given, {"max_digits": limits["max_digits"]})
    if "decimal_places" in limits and places > limits["decimal_places"]:
        raise invalid("decimal_max_places", given, {"decimal_places": limits["decimal_places"]})


def number_schema(limits: dict[str, Any]) -> dict[str, Any]:
    """Bounds of numbers, in JSON Schema."""
    out = {}
    for name, limit in limits.items():
        if name in _SCHEMA:
            out[_SCHEMA[name]] = limit.pattern if isinstance(limit, re.Pattern) else limit
    return out


def size_schema(limits: dict[str, Any], unit: str) -> dict[str, Any]:
    """Bounds of a length, in JSON Schema."""
    named = ((f"min{unit}", limits.get("min_length")), (f"max{unit}", limits.get("max_length")))
    return {name: limit for name, limit in named if limit is not None}


def of_metadata(item: Any) -> dict[str, Any]:
    """The constraints in something that stands in an `Annotated`, such as `annotated_types.Ge`."""
    found = {name: getattr(item, name) for name in ALL if getattr(item, name, None) is not None}
    if not found:
        raise UnsupportedError(f"{item!r} in `Annotated`")
    return found
