"""How values are given out: `model_dump` and its options, and values of which nothing is declared."""

from __future__ import annotations

import collections
import copy
import datetime
import decimal
import enum
import math
import pathlib
import uuid
from typing import Any

from ._errors import PydanticSerializationError


class Giving:
    """The options of one `model_dump`, at one place of the value."""

    def __init__(
        self,
        *,
        mode: str = "python",
        text: bool = False,
        include: Any = None,
        exclude: Any = None,
        by_alias: bool = False,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        exclude_computed_fields: bool = False,
        round_trip: bool = False,
    ) -> None:
        self.json = mode == "json"
        # Whether it becomes JSON in the end, which has no infinite numbers.
        self.text = text
        self.include, self.exclude = include, exclude
        self.by_alias = by_alias
        self.exclude_unset, self.exclude_defaults, self.exclude_none = exclude_unset, exclude_defaults, exclude_none
        self.no_computed = exclude_computed_fields or round_trip

    def at(self, key: Any) -> Giving | None:
        """The options for what is at `key`; none, when that is left out."""
        if self.include is None and self.exclude is None:
            return self
        include, exclude = _part(self.include, key), _part(self.exclude, key)
        if exclude is True or (self.include is not None and include is None):
            return None
        inner = copy.copy(self)
        inner.include, inner.exclude = (None if include is True else include), exclude
        return inner


def _part(choice: Any, key: Any) -> Any:
    """What a choice says of a key: True is all of it, None is nothing."""
    if choice is None:
        return None
    if not isinstance(choice, dict):
        return True if key in choice or "__all__" in choice else None
    found = choice.get(key, choice.get("__all__"))
    return True if found is ... else (None if found is False else found)


def infer(value: Any, how: Giving) -> Any:
    """A value by its own type."""
    dump = getattr(type(value), "__pydantic_dump__", None)
    if dump is not None:
        return dump(type(value), value, how)
    if isinstance(value, dict):
        return each_of_dict(value, how, infer, infer)
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        items = each(value, how, infer)
        return items if how.json or isinstance(value, list) else type(value)(items)
    return plain_json(value, how.text) if how.json else value


def each(values: Any, how: Giving, give: Any) -> list[Any]:
    """The items of a sequence, without those that are left out."""
    out = []
    for index, item in enumerate(values):
        inner = how.at(index)
        if inner is not None:
            out.append(give(item, inner))
    return out


def each_of_dict(values: Any, how: Giving, give_key: Any, give: Any) -> dict[Any, Any]:
    """The items of a dictionary, without those that are left out."""
    out = {}
    for key, item in values.items():
        inner = how.at(key)
        if inner is not None:
            out[json_key(give_key(key, how)) if how.json else give_key(key, how)] = give(item, inner)
    return out


def json_key(key: Any) -> str:
    """A key of an object."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def plain_json(value: Any, text: bool) -> Any:
    """A value that holds no others, as JSON has it."""
    if isinstance(value, enum.Enum):
        return plain_json(value.value, text)
    if isinstance(value, float):
        return None if text and not math.isfinite(value) else value
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise PydanticSerializationError(f"invalid utf-8 sequence: {error}") from None
    if isinstance(value, (datetime.datetime, datetime.time)):
        shown = value.isoformat()
        return shown[:-6] + "Z" if shown.endswith("+00:00") else shown
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration(value)
    if isinstance(value, (decimal.Decimal, uuid.UUID, pathlib.PurePath)):
        return str(value)
    if hasattr(value, "get_secret_value"):
        return str(value)
    raise PydanticSerializationError(f"Unable to serialize unknown type: {type(value)}")


def duration(value: datetime.timedelta) -> str:
    """A duration as ISO 8601 has it, a year being 365 days."""
    sign, value = ("-", -value) if value < datetime.timedelta() else ("", value)
    years, days = divmod(value.days, 365)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    date = "".join(f"{count}{unit}" for count, unit in ((years, "Y"), (days, "D")) if count)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    if seconds or value.microseconds:
        fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}{'T' + time if time else ''}" if date or time else "PT0S"


