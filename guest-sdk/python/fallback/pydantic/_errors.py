"""What can go wrong: with a class (`PydanticUserError`, `UnsupportedError`), and with a value (`ValidationError`).

The kinds and texts of problems with values are those that pydantic documents, so that forms and tests see the same
whichever of the two is installed.
"""

from __future__ import annotations

import json
from typing import Any

URL = "https://errors.pydantic.dev/2.14"

MESSAGES = {
    "assertion_error": "Assertion failed, {error}",
    "bool_parsing": "Input should be a valid boolean, unable to interpret input",
    "bool_type": "Input should be a valid boolean",
    "bytes_too_long": "Data should have at most {max_length} byte{s}",
    "bytes_too_short": "Data should have at least {min_length} byte{s}",
    "bytes_type": "Input should be a valid bytes",
    "callable_type": "Input should be callable",
    "date_from_datetime_inexact": "Datetimes provided to dates should have zero time - e.g. be exact dates",
    "date_from_datetime_parsing": "Input should be a valid date or datetime, {error}",
    "date_type": "Input should be a valid date",
    "datetime_from_date_parsing": "Input should be a valid datetime or date, {error}",
    "datetime_parsing": "Input should be a valid datetime, {error}",
    "datetime_type": "Input should be a valid datetime",
    "decimal_max_digits": "Decimal input should have no more than {max_digits} digit{s} in total",
    "decimal_max_places": "Decimal input should have no more than {decimal_places} decimal place{s}",
    "decimal_parsing": "Input should be a valid decimal",
    "decimal_type": "Decimal input should be an integer, float, string or Decimal object",
    "dict_type": "Input should be a valid dictionary",
    "enum": "Input should be {expected}",
    "extra_forbidden": "Extra inputs are not permitted",
    "finite_number": "Input should be a finite number",
    "float_parsing": "Input should be a valid number, unable to parse string as a number",
    "float_type": "Input should be a valid number",
    "frozen_field": "Field is frozen",
    "frozen_instance": "Instance is frozen",
    "frozen_set_type": "Input should be a valid frozenset",
    "greater_than": "Input should be greater than {gt}",
    "greater_than_equal": "Input should be greater than or equal to {ge}",
    "int_from_float": "Input should be a valid integer, got a number with a fractional part",
    "int_parsing": "Input should be a valid integer, unable to parse string as an integer",
    "int_parsing_size": "Unable to parse input string as an integer, exceeded maximum size",
    "int_type": "Input should be a valid integer",
    "invalid_key": "Keys should be strings",
    "is_instance_of": "Input should be an instance of {class}",
    "json_invalid": "Invalid JSON: {error}",
    "less_than": "Input should be less than {lt}",
    "less_than_equal": "Input should be less than or equal to {le}",
    "list_type": "Input should be a valid list",
    "literal_error": "Input should be {expected}",
    "missing": "Field required",
    "model_type": "Input should be a valid dictionary or instance of {class_name}",
    "multiple_of": "Input should be a multiple of {multiple_of}",
    "no_such_attribute": "Object has no attribute '{attribute}'",
    "none_required": "Input should be None",
    "path_type": "Input is not a valid path for <class 'pathlib.{name}'>",
    "sequence_str": "'{type_name}' instances are not allowed as a Sequence value",
    "set_item_not_hashable": "Set items should be hashable",
    "set_type": "Input should be a valid set",
    "string_pattern_mismatch": "String should match pattern '{pattern}'",
    "string_too_long": "String should have at most {max_length} character{s}",
    "string_too_short": "String should have at least {min_length} character{s}",
    "string_type": "Input should be a valid string",
    "string_unicode": "Input should be a valid string, unable to parse raw data as a unicode string",
    "time_delta_parsing": "Input should be a valid timedelta, {error}",
    "time_delta_type": "Input should be a valid timedelta",
    "time_parsing": "Input should be in a valid time format, {error}",
    "time_type": "Input should be a valid time",
    "too_long": "{field_type} should have at most {max_length} item{s} after validation, not {actual}",
    "too_short": "{field_type} should have at least {min_length} item{s} after validation, not {actual}",
    "tuple_type": "Input should be a valid tuple",
    "uuid_parsing": "Input should be a valid UUID, {error}",
    "uuid_type": "UUID input should be a string, bytes or UUID object",
    "value_error": "Value error, {error}",
}

# JSON has other names for what is wanted.
_JSON_MESSAGES = {
    "dict_type": "Input should be an object",
    "frozen_set_type": "Input should be a valid array",
    "list_type": "Input should be a valid array",
    "model_type": "Input should be an object",
    "set_type": "Input should be a valid array",
    "tuple_type": "Input should be a valid array",
}


class Undefined:
    """The type of `PydanticUndefined`: no value was given."""

    def __repr__(self) -> str:
        return "PydanticUndefined"

    def __copy__(self) -> Undefined:
        return self

    def __deepcopy__(self, memo: Any) -> Undefined:
        return self

    def __reduce__(self) -> str:
        return "PydanticUndefined"


PydanticUndefined = Undefined()


class PydanticErrorMixin:
    """What errors of classes have in common."""

    message: str


class PydanticUserError(PydanticErrorMixin, TypeError):
    """A class that cannot be."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.message, self.code = message, code
        more = f"\n\nFor further information visit {URL}/u/{code}" if code else ""
        super().__init__(message + more)


class UnsupportedError(PydanticUserError, NotImplementedError):
    """Something of pydantic that this small one does not have. It is raised when the class is made."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not supported by the small pydantic of this runtime")


class PydanticSerializationError(ValueError):
    """A value that has no form in JSON."""


class Invalid(Exception):
    """Problems with a value, on their way to a `ValidationError`."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(problems)
        self.problems = problems

    def within(self, *loc: Any) -> Invalid:
        """The same problems, seen from the outside."""
        return Invalid([{**problem, "loc": (*loc, *problem["loc"])} for problem in self.problems])


def invalid(kind: str, value: Any, ctx: dict[str, Any] | None = None, *, json: bool = False, **words: Any) -> Invalid:
    """One problem; `words` are in the text, but not in the context."""
    template = _JSON_MESSAGES.get(kind) if json else None
    shown = {name: _shown(item) for name, item in {**(ctx or {}), **words}.items()}
    counted = next((item for name, item in (ctx or {}).items() if isinstance(item, int) and name != "actual"), None)
    text = (template or MESSAGES[kind]).format(**shown, s="" if counted == 1 else "s")
    problem: dict[str, Any] = {"type": kind, "loc": (), "msg": text, "input": value}
    if ctx:
        problem["ctx"] = ctx
    return Invalid([problem])


def _shown(item: Any) -> Any:
    if isinstance(item, float) and item.is_integer() and abs(item) < 1e16:
        return int(item)
    return item


class ValidationError(ValueError):
    """All that is wrong with the values for a model."""

    def __init__(self, title: str, problems: list[dict[str, Any]], hide_input: bool = False) -> None:
        super().__init__(title, problems)
        self.title, self._problems, self._hide_input = title, problems, hide_input

    def errors(
        self, *, include_url: bool = True, include_context: bool = True, include_input: bool = True
    ) -> list[dict[str, Any]]:
        """Each problem with its type, place, text and input."""
        out = []
        for problem in self._problems:
            one = dict(problem)
            if not include_context:
                one.pop("ctx", None)
            if not include_input:
                one.pop("input", None)
            if include_url:
                one["url"] = f"{URL}/v/{one['type']}"
            out.append(one)
        return out

    def error_count(self) -> int:
        """How many problems there are."""
        return len(self._problems)

    def json(self, *, indent: int | None = None, include_url: bool = True, include_context: bool = True) -> str:
        """The problems as JSON."""
        separators = None if indent else (",", ":")
        found = self.errors(include_url=include_url, include_context=include_context)
        return json.dumps(found, indent=indent, separators=separators, default=str, ensure_ascii=False)

    def __str__(self) -> str:
        many = "" if len(self._problems) == 1 else "s"
        lines = [f"{len(self._problems)} validation error{many} for {self.title}"]
        for problem in self._problems:
            if problem["loc"]:
                lines.append(".".join(str(part) for part in problem["loc"]))
            lines.append(f"  {problem['msg']} [{self._details(problem)}]")
            lines.append(f"    For further information visit {URL}/v/{problem['type']}")
        return "\n".join(lines)

    __repr__ = __str__

    def _details(self, problem: dict[str, Any]) -> str:
        if self._hide_input:
            return f"type={problem['type']}"
        value = problem["input"]
        return f"type={problem['type']}, input_value={_short(repr(value))}, input_type={type(value).__name__}"


def _short(text: str) -> str:
    return text if len(text) <= 50 else f"{text[:25]}...{text[-24:]}"
