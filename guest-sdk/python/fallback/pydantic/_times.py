"""Dates, times and durations, from ISO 8601 or from numbers of seconds."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

from . import _limits
from ._errors import invalid
from ._nodes import Definitions, Node, Schema, Taking
from ._scalars import Scalar

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d{2}:?\d{2})?")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_ISO_DURATION = re.compile(
    r"([+-]?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d+))?S)?)?", re.I
)
_CLOCK_DURATION = re.compile(
    r"([+-]?)(?:(\d+)\s*(?:d|days?),?\s*)?(?:(\d+):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?", re.I
)
# From here on a timestamp is of milliseconds.
_WATERSHED = 2e10
_LAST = 253_402_300_799
_UTC = datetime.timezone.utc


class _Bad(ValueError):
    """Text that is no time."""


class TimeNode(Scalar):
    """What the types of times have in common."""

    format = ""
    # Whether true and false are numbers here.
    counts_bools = False

    def take(self, value: Any, how: Taking) -> Any:
        taken = self._taken(value, how)
        _limits.check_number(taken, self.limits, value)
        return taken

    def _taken(self, value: Any, how: Taking) -> Any:
        raise NotImplementedError

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, _limits.ORDER)

    def schema(self, defs: Definitions) -> Schema:
        return {"type": "string", "format": self.format}

    def _converted(self, value: Any, how: Taking, kind: str, parse_error: str, parse: Any) -> Any:
        text = isinstance(value, (str, bytes))
        number = hasattr(type(value), "__float__") and (self.counts_bools or not isinstance(value, bool))
        if not (text or number) or (how.strict and not (how.json and text)):
            raise invalid(kind, value)
        how.converted()
        try:
            return parse(float(value) if number else value.decode() if isinstance(value, bytes) else value)
        except (ValueError, OverflowError) as error:
            why = str(error) if isinstance(error, _Bad) else "input is out of range"
            raise invalid(parse_error, value, {"error": why}) from None


class DateTime(TimeNode):
    """Points in time."""

    label, kinds, format = "datetime", (datetime.datetime,), "date-time"

    def _taken(self, value: Any, how: Taking) -> datetime.datetime:
        if isinstance(value, datetime.datetime):
            return value
        if isinstance(value, datetime.date) and not how.strict:
            how.converted()
            return datetime.datetime(value.year, value.month, value.day)
        wrong = "datetime_from_date_parsing" if isinstance(value, (str, bytes)) else "datetime_parsing"
        taken: datetime.datetime = self._converted(value, how, "datetime_type", wrong, parse_datetime)
        return taken


class Date(TimeNode):
    """Days."""

    label, kinds, format = "date", (datetime.date,), "date"

    def _taken(self, value: Any, how: Taking) -> datetime.date:
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value
        if isinstance(value, datetime.datetime) and not how.strict:
            how.converted()
            moment = value
        else:
            moment = self._converted(value, how, "date_type", "date_from_datetime_parsing", parse_datetime)
        if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
            raise invalid("date_from_datetime_inexact", value)
        return moment.date()

    def fits(self, value: Any) -> bool:
        return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)


class Time(TimeNode):
    """Times of a day."""

    label, kinds, format = "time", (datetime.time,), "time"

    def _taken(self, value: Any, how: Taking) -> datetime.time:
        if isinstance(value, datetime.time):
            return value
        taken: datetime.time = self._converted(value, how, "time_type", "time_parsing", _parse_time)
        return taken


class Duration(TimeNode):
    """Durations."""

    label, kinds, format = "timedelta", (datetime.timedelta,), "duration"
    counts_bools = True

    def _taken(self, value: Any, how: Taking) -> datetime.timedelta:
        if isinstance(value, datetime.timedelta):
            return value
        taken: datetime.timedelta = self._converted(
            value, how, "time_delta_type", "time_delta_parsing", _parse_duration
        )
        return taken


def parse_datetime(value: str | float) -> datetime.datetime:
    """A date, a date with a time, or a timestamp."""
    if not isinstance(value, str):
        return _of_timestamp(value)
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _of_timestamp(float(text))
    if len(text) < 10:
        raise _Bad("input is too short")
    day = _DATE.match(text)
    if not day:
        raise _Bad(_wrong_date(text))
    year, month, number = (int(part) for part in day.groups())
    _check_date(year, month, number)
    if len(text) == 10:
        return datetime.datetime(year, month, number)
    if text[10] not in "Tt _":
        raise _Bad("invalid datetime separator, expected `T`, `t`, `_` or space")
    time = _clock(text[11:].strip())
    return datetime.datetime.combine(datetime.date(year, month, number), time)


def _wrong_date(text: str) -> str:
    if not text[:4].isdigit():
        return "invalid character in year"
    if text[4] != "-" or text[7] != "-":
        return "invalid date separator, expected `-`"
    return "invalid character in month" if not text[5:7].isdigit() else "invalid character in day"


def _check_date(year: int, month: int, day: int) -> None:
    if not 1 <= month <= 12:
        raise _Bad("month value is outside expected range of 1-12")
    try:
        datetime.date(year, month, day)
    except ValueError:
        raise _Bad("day value is outside expected range") from None


def _of_timestamp(value: float) -> datetime.datetime:
    if not math.isfinite(value):
        raise _Bad("NaN values not permitted")
    seconds = value / 1000 if abs(value) > _WATERSHED else value
    if seconds > _LAST:
        raise _Bad("dates after 9999 are not supported as unix timestamps")
    since = datetime.timedelta(microseconds=round(seconds * 1_000_000))
    return datetime.datetime(1970, 1, 1, tzinfo=_UTC) + since


def _parse_time(value: str | float) -> datetime.time:
    if isinstance(value, str):
        return _clock(value.strip())
    if value < 0:
        raise _Bad("time in seconds should be positive")
    if value >= 86400:
        raise _Bad("numeric times may not exceed 86,399 seconds")
    return (datetime.datetime(1970, 1, 1, tzinfo=_UTC) + datetime.timedelta(seconds=value)).timetz()


def _clock(text: str) -> datetime.time:
    if len(text) < 5:
        raise _Bad("input is too short")
    found = _TIME.fullmatch(text)
    if not found:
        raise _Bad("invalid character in time")
    hour, minute, second, fraction, zone = found.groups()
    for what, number, limit in (("hour", hour, 23), ("minute", minute, 59), ("second", second or "0", 59)):
        if int(number) > limit:
            raise _Bad(f"{what} value is outside expected range of 0-{limit}")
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    return datetime.time(int(hour), int(minute), int(second or 0), micro, _zone(zone))


def _zone(text: str | None) -> datetime.timezone | None:
    if not text:
        return None
    if text in "Zz":
        return _UTC
    digits = text[1:].replace(":", "")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return datetime.timezone(-offset if text[0] == "-" else offset)


def _parse_duration(value: str | float) -> datetime.timedelta:
    if not isinstance(value, str):
        if abs(value) >= 86_400 * 1e9:
            raise _Bad("durations may not exceed 999,999,999 days")
        return datetime.timedelta(seconds=value)
    text = value.strip()
    if not text:
        raise _Bad("input is too short")
    iso = _ISO_DURATION.fullmatch(text)
    if iso and len(text.lstrip("+-")) > 1:
        sign, years, months, weeks, days, hours, minutes, seconds, fraction = iso.groups()
        whole = 365 * int(years or 0) + 30 * int(months or 0) + 7 * int(weeks or 0) + int(days or 0)
        return _signed(sign, whole, hours, minutes, seconds, fraction)
    clock = _CLOCK_DURATION.fullmatch(text)
    if clock and (clock[2] or clock[3]):
        sign, days, hours, minutes, seconds, fraction = clock.groups()
        return _signed(sign, int(days or 0), hours, minutes, seconds, fraction)
    why = '"day" identifier in duration not correctly formatted' if text.isdigit() else "invalid digit in duration"
    raise _Bad(why)


def _signed(sign: str, days: int, hours: Any, minutes: Any, seconds: Any, fraction: Any) -> datetime.timedelta:
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    found = datetime.timedelta(
        days=days, hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0), microseconds=micro
    )
    return -found if sign == "-" else found
