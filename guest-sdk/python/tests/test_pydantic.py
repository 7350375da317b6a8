"""One suite for the two that may be called pydantic: the real one, and the small one in `fallback/`.

It runs on plain CPython with either on the path, and inside of the sandbox, where a node calls `failures()`. What it
expects is what the real one does; the JSON Schemas are compared byte by byte.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import json
import math
import pathlib
import pickle
import sys
import unittest
import uuid
import warnings
from typing import Annotated, Any, ClassVar, Dict, List, Literal, Mapping, Optional, Sequence, Set, Tuple, Union

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PlainValidator,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    SecretBytes,
    SecretStr,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    computed_field,
    confloat,
    conint,
    conlist,
    constr,
    create_model,
    field_serializer,
    field_validator,
    model_validator,
)

IS_SMALL = hasattr(pydantic, "UnsupportedError")
D, UTC = datetime, datetime.timezone.utc


class Color(str, enum.Enum):
    """Colours."""

    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    A = 1
    B = "b"


class Point(BaseModel):
    """A place."""

    x: int
    y: int = 0


class Circle(Point):
    r: float = 1.0


class Tree(BaseModel):
    v: int
    kids: List[Tree] = []


# A type, what is given, and the value that it stands for.
TAKES: list[tuple[Any, Any, Any]] = [
    (int, True, 1),
    (int, "12", 12),
    (int, " 1_0 ", 10),
    (int, "1.0", 1),
    (int, 2.0, 2),
    (int, b"12", 12),
    (int, decimal.Decimal("3"), 3),
    (int, "-7", -7),
    (float, "1.5", 1.5),
    (float, 1, 1.0),
    (float, True, 1.0),
    (float, "inf", math.inf),
    (float, decimal.Decimal("1.5"), 1.5),
    (bool, "yes", True),
    (bool, "OFF", False),
    (bool, 1, True),
    (bool, 0.0, False),
    (bool, b"true", True),
    (str, b"ab", "ab"),
    (str, Color.RED, "red"),
    (bytes, "a", b"a"),
    (bytes, bytearray(b"a"), b"a"),
    (List[int], (1, "2"), [1, 2]),
    (List[int], range(2), [0, 1]),
    (list, {1}, [1]),
    (Set[int], [1, "1"], {1}),
    (frozenset[int], [1], frozenset({1})),
    (Tuple[int, str], [1, "a"], (1, "a")),
    (Tuple[int, ...], ["1", 2], (1, 2)),
    (Sequence[int], (1, "2"), (1, 2)),
    (Mapping[str, int], {"a": "1"}, {"a": 1}),
    (Dict[str, int], {"a": "1"}, {"a": 1}),
    (dict[int, Point], {"1": {"x": 2}}, {1: Point(x=2)}),
    (Optional[int], None, None),
    (Optional[int], "1", 1),
    (Union[int, str], "1", "1"),
    (Union[int, str], 1, 1),
    (Union[int, float], "1.5", 1.5),
    (Union[float, int], 1, 1),
    (Union[bool, int], 1, 1),
    (Union[int, bool], True, True),
    (Union[List[int], List[str]], ["a"], ["a"]),
    (Union[Point, Circle], {"x": 1, "r": 2}, Circle(x=1, r=2)),
    (Union[str, Color], Color.RED, Color.RED),
    (int | None, None, None),
    (Any, {"a": 1}, {"a": 1}),
    (Literal["a", 1], 1, 1),
    (Color, "red", Color.RED),
    (Level, "1", Level.LOW),
    (Mixed, "b", Mixed.B),
    (Point, {"x": "1"}, Point(x=1)),
    (datetime.datetime, "2020-01-02T03:04:05Z", D.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
    (datetime.datetime, "2020-01-02 03:04", D.datetime(2020, 1, 2, 3, 4)),
    (datetime.datetime, "2020-01-02", D.datetime(2020, 1, 2)),
    (datetime.datetime, 1577836800, D.datetime(2020, 1, 1, tzinfo=UTC)),
    (datetime.datetime, 1577836800123, D.datetime(2020, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)),
    (datetime.datetime, D.date(2020, 1, 1), D.datetime(2020, 1, 1)),
    (datetime.date, "2020-01-02", D.date(2020, 1, 2)),
    (datetime.date, "2020-01-02T00:00:00", D.date(2020, 1, 2)),
    (datetime.date, 0, D.date(1970, 1, 1)),
    (datetime.time, "10:20:30.5", D.time(10, 20, 30, 500000)),
    (datetime.timedelta, "PT1H30M", D.timedelta(hours=1.5)),
    (datetime.timedelta, "1:30:00", D.timedelta(hours=1.5)),
    (datetime.timedelta, "2 days, 1:00:00", D.timedelta(days=2, hours=1)),
    (datetime.timedelta, "P1Y2M3DT1S", D.timedelta(days=428, seconds=1)),
    (datetime.timedelta, "-PT1.5S", D.timedelta(seconds=-1.5)),
    (datetime.timedelta, 90.5, D.timedelta(seconds=90.5)),
    (uuid.UUID, "12345678123456781234567812345678", uuid.UUID("12345678123456781234567812345678")),
    (pathlib.Path, "a/b", pathlib.Path("a/b")),
    (decimal.Decimal, 1.1, decimal.Decimal("1.1")),
    (decimal.Decimal, "2", decimal.Decimal("2")),
    (SecretStr, "s", SecretStr("s")),
    (SecretBytes, b"s", SecretBytes(b"s")),
    (constr(strip_whitespace=True, to_upper=True, max_length=2), " ab ", "AB"),
    (conint(ge=1, multiple_of=3), "3", 3),
    (confloat(gt=0), 1, 1.0),
    (conlist(int, min_length=1), ["1"], [1]),
    (PositiveInt, 1, 1),
    (NonNegativeInt, 0, 0),
    (PositiveFloat, 0.5, 0.5),
    (Annotated[int, AfterValidator(lambda value: value * 2)], "2", 4),
    (Annotated[int, BeforeValidator(lambda value: value.strip("!"))], "2!", 2),
    (Annotated[int, PlainValidator(lambda value: [value])], "2", ["2"]),
    (Annotated[int, WrapValidator(lambda value, handler: handler(value) + 1)], "2", 3),
    (Annotated[float, Field(multiple_of=0.1)], 0.3, 0.3),
]

# A type, what is given, and the problems: type, place, text.
REFUSES: list[tuple[Any, Any, list[tuple[str, tuple[Any, ...], str]]]] = [
    (int, 1.5, [("int_from_float", (), "Input should be a valid integer, got a number with a fractional part")]),
    (int, "x", [("int_parsing", (), "Input should be a valid integer, unable to parse string as an integer")]),
    (int, None, [("int_type", (), "Input should be a valid integer")]),
    (int, math.nan, [("finite_number", (), "Input should be a finite number")]),
    (float, "x", [("float_parsing", (), "Input should be a valid number, unable to parse string as a number")]),
    (float, [], [("float_type", (), "Input should be a valid number")]),
    (bool, 2, [("bool_parsing", (), "Input should be a valid boolean, unable to interpret input")]),
    (bool, [], [("bool_type", (), "Input should be a valid boolean")]),
    (str, 1, [("string_type", (), "Input should be a valid string")]),
    (bytes, 1, [("bytes_type", (), "Input should be a valid bytes")]),
    (type(None), 1, [("none_required", (), "Input should be None")]),
    (List[int], "ab", [("list_type", (), "Input should be a valid list")]),
    (List[int], {"a": 1}, [("list_type", (), "Input should be a valid list")]),
    (Set[int], 5, [("set_type", (), "Input should be a valid set")]),
    (Set[Any], [[1]], [("set_item_not_hashable", (0,), "Set items should be hashable")]),
    (Tuple[int, str], [1], [("missing", (1,), "Field required")]),
    (Tuple[int, int], [1, 2, 3], [("too_long", (), "Tuple should have at most 2 items after validation, not 3")]),
    (Dict[str, int], [1], [("dict_type", (), "Input should be a valid dictionary")]),
    (Dict[int, int], {"a": 1}, [("int_parsing", ("a", "[key]"), "Input should be a valid integer, unable to parse"
                                 " string as an integer")]),
    (Literal["a", "b", 1], "c", [("literal_error", (), "Input should be 'a', 'b' or 1")]),
    (Color, "x", [("enum", (), "Input should be 'red' or 'green'")]),
    (Level, 5, [("enum", (), "Input should be 1 or 2")]),
    (Point, 5, [("model_type", (), "Input should be a valid dictionary or instance of Point")]),
    (Point, {"y": []}, [("missing", ("x",), "Field required"), ("int_type", ("y",), "Input should be a valid integer")]),
    (Union[int, str], [], [("int_type", ("int",), "Input should be a valid integer"),
                           ("string_type", ("str",), "Input should be a valid string")]),
    (Union[PositiveInt, Point], "", [("int_parsing", ("constrained-int",), "Input should be a valid integer, unable to"
                                      " parse string as an integer"),
                                     ("model_type", ("Point",), "Input should be a valid dictionary or instance of"
                                      " Point")]),
    (datetime.datetime, "nope", [("datetime_from_date_parsing", (), "Input should be a valid datetime or date, input"
                                  " is too short")]),
    (datetime.datetime, [], [("datetime_type", (), "Input should be a valid datetime")]),
    (datetime.date, "2020-02-30", [("date_from_datetime_parsing", (), "Input should be a valid date or datetime, day"
                                    " value is outside expected range")]),
    (datetime.date, "2020-01-01T01:00:00", [("date_from_datetime_inexact", (), "Datetimes provided to dates should"
                                             " have zero time - e.g. be exact dates")]),
    (datetime.time, "x", [("time_parsing", (), "Input should be in a valid time format, input is too short")]),
    (datetime.timedelta, "x", [("time_delta_parsing", (), "Input should be a valid timedelta, invalid digit in"
                                " duration")]),
    (uuid.UUID, "x", [("uuid_parsing", (), "Input should be a valid UUID, invalid character: found `x` at 0")]),
    (uuid.UUID, 5, [("uuid_type", (), "UUID input should be a string, bytes or UUID object")]),
    (pathlib.Path, 5, [("path_type", (), "Input is not a valid path for <class 'pathlib.Path'>")]),
    (decimal.Decimal, "x", [("decimal_parsing", (), "Input should be a valid decimal")]),
    (decimal.Decimal, [], [("decimal_type", (), "Decimal input should be an integer, float, string or Decimal object")]),
    (SecretStr, 5, [("string_type", (), "Input should be a valid string")]),
    (Annotated[float, Field(ge=1)], 0.5, [("greater_than_equal", (), "Input should be greater than or equal to 1")]),
    (Annotated[float, Field(ge=0.05)], 0, [("greater_than_equal", (), "Input should be greater than or equal to 0.05")]),
    (Annotated[int, Field(gt=1)], 1, [("greater_than", (), "Input should be greater than 1")]),
    (Annotated[int, Field(lt=1)], 1, [("less_than", (), "Input should be less than 1")]),
    (Annotated[int, Field(le=1)], 2, [("less_than_equal", (), "Input should be less than or equal to 1")]),
    (Annotated[int, Field(multiple_of=3)], 4, [("multiple_of", (), "Input should be a multiple of 3")]),
    (Annotated[Optional[int], Field(ge=3)], 1, [("greater_than_equal", (), "Input should be greater than or equal to"
                                                 " 3")]),
    (Annotated[str, Field(min_length=1)], "", [("string_too_short", (), "String should have at least 1 character")]),
    (Annotated[str, Field(max_length=2)], "abc", [("string_too_long", (), "String should have at most 2 characters")]),
    (Annotated[str, Field(pattern="^a")], "b", [("string_pattern_mismatch", (), "String should match pattern '^a'")]),
    (Annotated[bytes, Field(min_length=2)], b"a", [("bytes_too_short", (), "Data should have at least 2 bytes")]),
    (conlist(int, min_length=1), [], [("too_short", (), "List should have at least 1 item after validation, not 0")]),
    (conlist(int, max_length=1), [1, 2], [("too_long", (), "List should have at most 1 item after validation, not 2")]),
    (Annotated[Dict[str, int], Field(max_length=1)], {"a": 1, "b": 2}, [
        ("too_long", (), "Dictionary should have at most 1 item after validation, not more")]),
    (Annotated[float, Field(allow_inf_nan=False)], math.inf, [("finite_number", (), "Input should be a finite number")]),
    (Annotated[decimal.Decimal, Field(max_digits=3)], "12.34", [
        ("decimal_max_digits", (), "Decimal input should have no more than 3 digits in total")]),
    (Annotated[datetime.timedelta, Field(ge=D.timedelta(days=1))], "PT1H", [
        ("greater_than_equal", (), "Input should be greater than or equal to 1 day")]),
    (StrictInt, "1", [("int_type", (), "Input should be a valid integer")]),
    (StrictStr, b"a", [("string_type", (), "Input should be a valid string")]),
]

# A type and its JSON Schema, to the byte.
SCHEMAS: list[tuple[Any, str]] = [
    (int, '{"type": "integer"}'),
    (Any, "{}"),
    (bytes, '{"format": "binary", "type": "string"}'),
    (list, '{"items": {}, "type": "array"}'),
    (dict, '{"additionalProperties": true, "type": "object"}'),
    (frozenset[int], '{"items": {"type": "integer"}, "type": "array", "uniqueItems": true}'),
    (Tuple[int, str], '{"maxItems": 2, "minItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}],'
     ' "type": "array"}'),
    (Tuple[int, ...], '{"items": {"type": "integer"}, "type": "array"}'),
    (Dict[str, Any], '{"additionalProperties": true, "type": "object"}'),
    (Dict[Color, int], '{"$defs": {"Color": {"description": "Colours.", "enum": ["red", "green"], "title": "Color",'
     ' "type": "string"}}, "additionalProperties": {"type": "integer"}, "propertyNames": {"$ref": "#/$defs/Color"},'
     ' "type": "object"}'),
    (Dict[Annotated[str, Field(pattern="^a", min_length=2)], int], '{"patternProperties": {"^a": {"type": "integer"}},'
     ' "propertyNames": {"minLength": 2}, "type": "object"}'),
    (Optional[Point], '{"$defs": {"Point": {"description": "A place.", "properties": {"x": {"title": "X", "type":'
     ' "integer"}, "y": {"default": 0, "title": "Y", "type": "integer"}}, "required": ["x"], "title": "Point", "type":'
     ' "object"}}, "anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]}'),
    (Union[int, Optional[str], int], '{"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}'),
    (Color, '{"description": "Colours.", "enum": ["red", "green"], "title": "Color", "type": "string"}'),
    (Level, '{"enum": [1, 2], "title": "Level", "type": "integer"}'),
    (Mixed, '{"enum": [1, "b"], "title": "Mixed"}'),
    (Literal["a"], '{"const": "a", "type": "string"}'),
    (Literal["a", 1], '{"enum": ["a", 1]}'),
    (Literal[True, False], '{"enum": [true, false], "type": "boolean"}'),
    (Annotated[Optional[int], Field(ge=3)], '{"anyOf": [{"minimum": 3, "type": "integer"}, {"type": "null"}]}'),
    (Annotated[float, Field(gt=0, lt=1, multiple_of=0.5)],
     '{"exclusiveMaximum": 1, "exclusiveMinimum": 0, "multipleOf": 0.5, "type": "number"}'),
    (conlist(conint(ge=0, le=9), min_length=1, max_length=3), '{"items": {"maximum": 9, "minimum": 0, "type":'
     ' "integer"}, "maxItems": 3, "minItems": 1, "type": "array"}'),
    (constr(strip_whitespace=True, pattern="a"), '{"pattern": "a", "type": "string"}'),
    (Annotated[SecretStr, Field(min_length=3)], '{"format": "password", "minLength": 3, "type": "string",'
     ' "writeOnly": true}'),
    (Annotated[Dict[str, int], Field(min_length=1)], '{"additionalProperties": {"type": "integer"}, "minProperties":'
     ' 1, "type": "object"}'),
    (Annotated[int, Field(description="d", title="t", examples=[1])], '{"description": "d", "examples": [1], "title":'
     ' "t", "type": "integer"}'),
    (List[Annotated[int, Field(description="d")]], '{"items": {"description": "d", "type": "integer"}, "type":'
     ' "array"}'),
    (decimal.Decimal, '{"anyOf": [{"type": "number"}, {"type": "string"}]}'),
    (datetime.datetime, '{"format": "date-time", "type": "string"}'),
    (datetime.timedelta, '{"format": "duration", "type": "string"}'),
    (pathlib.Path, '{"format": "path", "type": "string"}'),
    (uuid.UUID, '{"format": "uuid", "type": "string"}'),
    (Tree, '{"$defs": {"Tree": {"properties": {"v": {"title": "V", "type": "integer"}, "kids": {"default": [],'
     ' "items": {"$ref": "#/$defs/Tree"}, "title": "Kids", "type": "array"}}, "required": ["v"], "title": "Tree",'
     ' "type": "object"}}, "$ref": "#/$defs/Tree"}'),
]


class TypesTest(unittest.TestCase):
    """One test for each line of the tables."""


def _add(name: str, index: int, check: Any) -> None:
    setattr(TypesTest, f"test_{name}_{index:03}", lambda self: check(self))


def _takes(annotation: Any, given: Any, wanted: Any) -> Any:
    def check(test: unittest.TestCase) -> None:
        found = TypeAdapter(annotation).validate_python(given)
        test.assertEqual((type(found).__name__, found), (type(wanted).__name__, wanted), f"{annotation}: {given!r}")

    return check


def _refuses(annotation: Any, given: Any, wanted: Any) -> Any:
    def check(test: unittest.TestCase) -> None:
        with test.assertRaises(ValidationError, msg=f"{annotation}: {given!r}") as caught:
            TypeAdapter(annotation).validate_python(given)
        found = [(error["type"], error["loc"], error["msg"]) for error in caught.exception.errors()]
        test.assertEqual(found, wanted, f"{annotation}: {given!r}")

    return check


def _describes(annotation: Any, wanted: str) -> Any:
    def check(test: unittest.TestCase) -> None:
        test.assertEqual(json.dumps(TypeAdapter(annotation).json_schema()), wanted, str(annotation))

    return check


for _index, _case in enumerate(TAKES):
    _add("takes", _index, _takes(*_case))
for _index, _refused in enumerate(REFUSES):
    _add("refuses", _index, _refuses(*_refused))
for _index, _schema in enumerate(SCHEMAS):
    _add("describes", _index, _describes(*_schema))


class Everything(BaseModel):
    """All kinds of fields.

    In one model.
    """

    model_config = ConfigDict(title="All", json_schema_extra={"z": 1, "a": 2}, extra="allow")

    my_fieldName2: int
    point: Point = Point(x=3)
    made: Point = Field(default_factory=lambda: Point(x=1), description="a description")
    maybe: Optional[Point] = None
    either: Union[int, Point] = Field(2, title="Either of them")
    points: List[Point] = []
    color: Color = Color.RED
    other_color: Color = Field(Color.GREEN, description="c", title="Cee")
    wait: datetime.timedelta = D.timedelta(hours=1)
    since: datetime.datetime = D.datetime(2020, 1, 1, tzinfo=UTC)
    some: Set[int] = {1}
    pair: Tuple[int, str] = (1, "a")
    path: pathlib.Path = pathlib.Path("/a")
    amount: decimal.Decimal = decimal.Decimal("1.5")
    raw: bytes = b"a"
    number: float = 1
    exported: int = Field(4, alias="E E", json_schema_extra={"export": False, "title": "over"}, examples=[1])
    mode: Literal["fast", "safe"] | None = "fast"
    secret: SecretStr = SecretStr("x")
    anything: Any = {"b": 1, "a": [{"z": 1, "b": 2}]}
    hidden: int = Field(1, frozen=True, repr=False, deprecated=True)
    taken: int = Field(1, validation_alias="TAKEN")
    given: int = Field(1, serialization_alias="GIVEN")
    bound: Annotated[int, Field(ge=1, description="inner")] = 5
    both: Annotated[Optional[int], Field(description="q", ge=1)] = Field(None, title="T", le=9)
    ident: uuid.UUID = uuid.UUID(int=1)
    HTTPServer2: int = 1
    per_name: Dict[str, List[Point]] = {}


EVERYTHING = (
    '{"$defs": {"Color": {"description": "Colours.", "enum": ["red", "green"], "title": "Color", "type": '
    '"string"}, "Point": {"description": "A place.", "properties": {"x": {"title": "X", "type": "integer"}, '
    '"y": {"default": 0, "title": "Y", "type": "integer"}}, "required": ["x"], "title": "Point", "type": '
    '"object"}}, "a": 2, "additionalProperties": true, "description": "All kinds of fields.\\n\\nIn one model.", '
    '"properties": {"my_fieldName2": {"title": "My Fieldname2", "type": "integer"}, "point": {"$ref": '
    '"#/$defs/Point", "default": {"x": 3, "y": 0}}, "made": {"$ref": "#/$defs/Point", "description": "a '
    'description"}, "maybe": {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}], "default": null}, '
    '"either": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/Point"}], "default": 2, "title": "Either of '
    'them"}, "points": {"default": [], "items": {"$ref": "#/$defs/Point"}, "title": "Points", "type": "array"},'
    ' "color": {"$ref": "#/$defs/Color", "default": "red"}, "other_color": {"$ref": "#/$defs/Color", "default":'
    ' "green", "description": "c", "title": "Cee"}, "wait": {"default": "PT1H", "format": "duration", "title": '
    '"Wait", "type": "string"}, "since": {"default": "2020-01-01T00:00:00Z", "format": "date-time", "title": '
    '"Since", "type": "string"}, "some": {"default": [1], "items": {"type": "integer"}, "title": "Some", '
    '"type": "array", "uniqueItems": true}, "pair": {"default": [1, "a"], "maxItems": 2, "minItems": 2, '
    '"prefixItems": [{"type": "integer"}, {"type": "string"}], "title": "Pair", "type": "array"}, "path": '
    '{"default": "/a", "format": "path", "title": "Path", "type": "string"}, "amount": {"anyOf": [{"type": '
    '"number"}, {"type": "string"}], "default": "1.5", "title": "Amount"}, "raw": {"default": "a", "format": '
    '"binary", "title": "Raw", "type": "string"}, "number": {"default": 1, "title": "Number", "type": '
    '"number"}, "E E": {"default": 4, "examples": [1], "export": false, "title": "over", "type": "integer"}, '
    '"mode": {"anyOf": [{"enum": ["fast", "safe"], "type": "string"}, {"type": "null"}], "default": "fast", '
    '"title": "Mode"}, "secret": {"default": "**********", "format": "password", "title": "Secret", "type": '
    '"string", "writeOnly": true}, "anything": {"default": {"b": 1, "a": [{"b": 2, "z": 1}]}, "title": '
    '"Anything"}, "hidden": {"default": 1, "deprecated": true, "title": "Hidden", "type": "integer"}, "TAKEN": '
    '{"default": 1, "title": "Taken", "type": "integer"}, "given": {"default": 1, "title": "Given", "type": '
    '"integer"}, "bound": {"default": 5, "description": "inner", "minimum": 1, "title": "Bound", "type": '
    '"integer"}, "both": {"anyOf": [{"maximum": 9, "minimum": 1, "type": "integer"}, {"type": "null"}], '
    '"default": null, "description": "q", "title": "T"}, "ident": {"default": '
    '"00000000-0000-0000-0000-000000000001", "format": "uuid", "title": "Ident", "type": "string"}, '
    '"HTTPServer2": {"default": 1, "title": "Httpserver2", "type": "integer"}, "per_name": '
    '{"additionalProperties": {"items": {"$ref": "#/$defs/Point"}, "type": "array"}, "default": {}, "title": '
    '"Per Name", "type": "object"}}, "required": ["my_fieldName2"], "title": "All", "type": "object", "z": 1}'
)

DUMPED = (
    '{"my_fieldName2":1,"point":{"x":3,"y":0},"made":{"x":1,"y":0},"maybe":null,"either":2,"points":[],"color":"red","other_color":"green","wait":"PT1H","since":"2020-01-01T00:00:00Z","some":[1],"pair":[1,"a"],"path":"/a","amount":"1.5","raw":"a","number":1.0,"exported":4,"mode":"fast","secret":"**********","anything":{"b":1,"a":[{"z":1,"b":2}]},"hidden":1,"taken":1,"given":1,"bound":5,"both":null,"ident":"00000000-0000-0000-0000-000000000001","HTTPServer2":1,"per_name":{"k":[{"x":1,"y":0}]},"extra1":5}'
)


class Config(BaseModel):
    """What most of the cases below use."""

    model_config = ConfigDict(validate_assignment=True)

    interval_s: float = Field(default=1.0, ge=0.05)
    name: str = Field("pump", alias="Name")
    tags: List[str] = []

    @field_validator("name")
    @classmethod
    def no_spaces(cls, value: str, info: Any) -> str:
        if " " in value:
            raise ValueError(f"no spaces in {info.field_name} after {sorted(info.data)}")
        assert value != "bad", "is bad"
        return value

    @computed_field
    @property
    def loud(self) -> str:
        return self.name.upper()

    @model_validator(mode="after")
    def together(self) -> Config:
        if self.interval_s == 50:
            raise ValueError("fifty")
        return self


class ModelsTest(unittest.TestCase):
    """Models as a whole."""

    maxDiff = None

    def _problems(self, function: Any, *arguments: Any, **words: Any) -> list[tuple[Any, ...]]:
        with self.assertRaises(ValidationError) as caught:
            function(*arguments, **words)
        return [(error["type"], error["loc"], error["msg"]) for error in caught.exception.errors()]

    def test_schema_of_everything(self) -> None:
        self.assertEqual(json.dumps(Everything.model_json_schema()), EVERYTHING)

    def test_dump_of_everything(self) -> None:
        value = Everything(my_fieldName2="1", extra1=5, per_name={"k": [{"x": 1}]})
        self.assertEqual(value.model_dump_json(), DUMPED)
        self.assertEqual(json.dumps(value.model_dump(mode="json")).replace('"number": 1,', '"number": 1.0,'),
                         json.dumps(json.loads(DUMPED)))
        self.assertEqual(value.model_dump()["point"], {"x": 3, "y": 0})
        self.assertIs(value.model_dump()["color"], Color.RED)
        self.assertEqual(value.model_extra, {"extra1": 5})
        self.assertEqual(value.extra1, 5)
        self.assertEqual(Everything.model_validate_json(value.model_dump_json(by_alias=True)).path, value.path)

    def test_text_of_errors(self) -> None:
        with self.assertRaises(ValidationError) as caught:
            Everything(my_fieldName2="x" * 60, point={"x": "q"}, number=[1] * 40, TAKEN="é")
        more = "    For further information visit https://errors.pydantic.dev/2.14/v/"
        number = "Input should be a valid integer, unable to parse string as an integer [type=int_parsing, "
        self.assertEqual(str(caught.exception), "\n".join([
            "4 validation errors for All",
            "my_fieldName2",
            f"  {number}input_value='xxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxx', input_type=str]",
            f"{more}int_parsing",
            "point.x",
            f"  {number}input_value='q', input_type=str]",
            f"{more}int_parsing",
            "number",
            "  Input should be a valid number [type=float_type, input_value=[1, 1, 1, 1, 1, 1, 1, 1, ... 1, 1, 1, 1, 1, 1,"
            " 1, 1], input_type=list]",
            f"{more}float_type",
            "TAKEN",
            f"  {number}input_value='é', input_type=str]",
            f"{more}int_parsing",
        ]))
        self.assertEqual(caught.exception.error_count(), 4)
        self.assertIsInstance(caught.exception, ValueError)
        self.assertEqual(caught.exception.title, "All")

    def test_errors_as_dictionaries(self) -> None:
        with self.assertRaises(ValidationError) as caught:
            Config(interval_s=0)
        self.assertEqual(caught.exception.errors(), [{
            "type": "greater_than_equal",
            "loc": ("interval_s",),
            "msg": "Input should be greater than or equal to 0.05",
            "input": 0,
            "ctx": {"ge": 0.05},
            "url": "https://errors.pydantic.dev/2.14/v/greater_than_equal",
        }])
        plain = caught.exception.errors(include_url=False, include_context=False, include_input=False)
        self.assertEqual(sorted(plain[0]), ["loc", "msg", "type"])
        self.assertEqual(json.loads(caught.exception.json())[0]["loc"], ["interval_s"])

    def test_defaults_are_not_shared(self) -> None:
        Config().tags.append("x")
        self.assertEqual(Config().tags, [])

    def test_default_is_not_validated_unless_asked(self) -> None:
        class Lazy(BaseModel):
            a: int = "x"  # type: ignore[assignment]

        class Eager(BaseModel):
            a: int = Field("x", validate_default=True)

        self.assertEqual(Lazy().a, "x")
        self.assertEqual(self._problems(Eager)[0][:2], ("int_parsing", ("a",)))

    def test_default_factory_may_see_the_data(self) -> None:
        class Model(BaseModel):
            a: int
            b: int = Field(default_factory=lambda data: data["a"] + 1)

        self.assertEqual(Model(a="2").b, 3)

    def test_missing_says_the_alias(self) -> None:
        class Model(BaseModel):
            a: int = Field(alias="AA")

        self.assertEqual(self._problems(Model), [("missing", ("AA",), "Field required")])
        self.assertEqual(self._problems(Model, a=1)[0][1], ("AA",))
        self.assertEqual(Model(AA=1).a, 1)
        self.assertEqual(Model(AA=1).model_dump(by_alias=True), {"AA": 1})
        self.assertEqual(json.dumps(Model.model_json_schema()), '{"properties": {"AA": {"title": "Aa", "type":'
                         ' "integer"}}, "required": ["AA"], "title": "Model", "type": "object"}')

    def test_populate_by_name(self) -> None:
        class Model(BaseModel):
            model_config = ConfigDict(populate_by_name=True)
            a: int = Field(alias="AA")

        self.assertEqual((Model(a=1).a, Model(AA=2).a), (1, 2))

    def test_alias_generator(self) -> None:
        class Model(BaseModel):
            model_config = ConfigDict(alias_generator=str.upper)
            ab: int
            cd: int = Field(alias="x")

        self.assertEqual(Model(AB=1, x=2).model_dump(by_alias=True), {"AB": 1, "x": 2})

    def test_field_validator(self) -> None:
        self.assertEqual(self._problems(Config, Name="a b"), [
            ("value_error", ("Name",), "Value error, no spaces in name after ['interval_s']")])
        self.assertEqual(self._problems(Config, Name="bad"), [("assertion_error", ("Name",), "Assertion failed, is bad")])
        with self.assertRaises(ValidationError) as caught:
            Config(Name="a b")
        self.assertIsInstance(caught.exception.errors()[0]["ctx"]["error"], ValueError)

    def test_order_of_validators(self) -> None:
        seen = []

        class Model(BaseModel):
            a: int = 0

            @field_validator("*", mode="before")
            def first(cls, value: Any) -> Any:
                seen.append(("first", value))
                return value

            @field_validator("a", mode="before")
            def second(cls, value: Any) -> Any:
                seen.append(("second", value))
                return value

            @field_validator("a", mode="wrap")
            def third(cls, value: Any, handler: Any, info: Any) -> Any:
                seen.append(("third", value))
                return handler(value) + 1

            @field_validator("a")
            def fourth(cls, value: Any) -> Any:
                seen.append(("fourth", value))
                return value * 10

        self.assertEqual(Model(a="1").a, 20)
        self.assertEqual(seen, [("third", "1"), ("second", "1"), ("first", "1"), ("fourth", 2)])

    def test_plain_validator(self) -> None:
        class Model(BaseModel):
            a: int

            @field_validator("a", mode="plain")
            @classmethod
            def anything(cls, value: Any) -> Any:
                return [value]

        self.assertEqual(Model(a="q").a, ["q"])

    def test_validators_are_inherited_and_replaced(self) -> None:
        class Child(Config):
            @field_validator("name")
            @classmethod
            def no_spaces(cls, value: str) -> str:
                return value + "!"

        self.assertEqual(Child(Name="a b").name, "a b!")
        self.assertEqual(list(Child.model_fields), ["interval_s", "name", "tags"])

    def test_model_validators(self) -> None:
        class Model(BaseModel):
            a: int
            b: int = 0

            @model_validator(mode="before")
            @classmethod
            def split(cls, data: Any) -> Any:
                return {"a": data, "b": 1} if isinstance(data, int) else data

            @model_validator(mode="after")
            def sum(self) -> Model:
                self.b += self.a
                return self

        self.assertEqual(Model.model_validate(2).model_dump(), {"a": 2, "b": 3})
        self.assertEqual(Model(a=1).b, 1)
        self.assertEqual(self._problems(Config, interval_s=50), [("value_error", (), "Value error, fifty")])

    def test_nested_model_with_failing_validator(self) -> None:
        class Outer(BaseModel):
            inner: List[Config]

        self.assertEqual(self._problems(Outer, inner=[{}, {"interval_s": 50}]), [
            ("value_error", ("inner", 1), "Value error, fifty")])

    def test_computed_field(self) -> None:
        self.assertEqual(Config(Name="a").model_dump(), {"interval_s": 1.0, "name": "a", "tags": [], "loud": "A"})
        self.assertEqual(repr(Config(Name="a")), "Config(interval_s=1.0, name='a', tags=[], loud='A')")
        self.assertIn("loud", Config.model_computed_fields)
        self.assertNotIn("loud", Config.model_json_schema()["properties"])

    def test_validate_assignment(self) -> None:
        config = Config()
        config.interval_s = "2"  # type: ignore[assignment]
        self.assertEqual(config.interval_s, 2.0)
        self.assertEqual(self._problems(setattr, config, "interval_s", 0), [
            ("greater_than_equal", ("interval_s",), "Input should be greater than or equal to 0.05")])
        self.assertEqual(self._problems(setattr, config, "name", "a b")[0][:2], ("value_error", ("name",)))
        self.assertEqual(config.model_fields_set, {"interval_s"})

    def test_unknown_attributes(self) -> None:
        with self.assertRaisesRegex(ValueError, '"Point" object has no field "q"'):
            Point(x=1).q = 1  # type: ignore[attr-defined]
        with self.assertRaisesRegex(AttributeError, "'Point' object has no attribute 'q'"):
            Point(x=1).q  # type: ignore[attr-defined]

    def test_frozen(self) -> None:
        class Model(BaseModel):
            model_config = ConfigDict(frozen=True)
            a: int = 1

        class Other(BaseModel):
            a: int = Field(1, frozen=True)

        self.assertEqual(self._problems(setattr, Model(), "a", 2), [("frozen_instance", ("a",), "Instance is frozen")])
        self.assertEqual(self._problems(setattr, Other(), "a", 2), [("frozen_field", ("a",), "Field is frozen")])
        self.assertEqual(hash(Model()), hash(Model()))
        with self.assertRaises(TypeError):
            hash(Other())

    def test_extra(self) -> None:
        class Forbids(BaseModel, extra="forbid"):
            a: int = 1

        class Allows(BaseModel):
            model_config = ConfigDict(extra="allow")

        self.assertEqual(self._problems(Forbids, b=1), [("extra_forbidden", ("b",), "Extra inputs are not permitted")])
        self.assertIs(Forbids.model_json_schema()["additionalProperties"], False)
        allows = Allows(b=1)
        allows.c = 2  # type: ignore[attr-defined]
        self.assertEqual(allows.model_dump(), {"b": 1, "c": 2})
        self.assertEqual(Point(x=1, q=2).model_dump(), {"x": 1, "y": 0})  # type: ignore[call-arg]

    def test_dump_options(self) -> None:
        class Model(BaseModel):
            a: Optional[int] = None
            b: int = 1
            p: Point = Point(x=1)
            d: Dict[str, Point] = {}
            l: List[Point] = []
            h: int = Field(3, exclude=True)

        value = Model(b=1, d={"k": {"x": 1}}, l=[{"x": 1}, {"x": 2}])
        self.assertEqual(list(value.model_dump()), ["a", "b", "p", "d", "l"])
        self.assertEqual(value.model_dump(include={"b"}), {"b": 1})
        self.assertEqual(value.model_dump(exclude={"a", "p", "d", "l"}), {"b": 1})
        self.assertEqual(value.model_dump(include={"p": {"x"}, "d": {"k": {"y"}}}), {"p": {"x": 1}, "d": {"k": {"y": 0}}})
        self.assertEqual(value.model_dump(include={"l": {"__all__": {"x"}}}), {"l": [{"x": 1}, {"x": 2}]})
        self.assertEqual(value.model_dump(include={"l": {0: True}}), {"l": [{"x": 1, "y": 0}]})
        self.assertEqual(value.model_dump(exclude={"l": {0: {"y"}}, "d": True})["l"], [{"x": 1}, {"x": 2, "y": 0}])
        self.assertNotIn("a", value.model_dump(exclude_none=True))
        self.assertEqual(Model(b=2).model_dump(exclude_unset=True), {"b": 2})
        self.assertEqual(Model(b=2).model_dump(exclude_defaults=True), {"b": 2})
        self.assertEqual(Model(b=2).model_dump_json(include={"a", "b"}, indent=2), '{\n  "a": null,\n  "b": 2\n}')

    def test_dump_goes_by_the_declared_type(self) -> None:
        class Holder(BaseModel):
            p: Point
            u: Union[Point, int] = 1
            a: Any = None

        circle = Circle(x=1)
        plain = {"x": 1, "y": 0}
        self.assertEqual(Holder(p=circle, u=circle, a=circle).model_dump(), {"p": plain, "u": plain, "a": {**plain, "r": 1.0}})
        self.assertIs(Holder(p=circle).p, circle)

    def test_json_of_values(self) -> None:
        class Model(BaseModel):
            t: datetime.timedelta = D.timedelta(days=400, seconds=5.25)
            n: datetime.timedelta = D.timedelta(days=-2, hours=1)
            d: datetime.datetime = D.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=D.timezone(D.timedelta(hours=2)))
            k: Dict[Any, int] = {2: 1, True: 3}
            f: float = math.inf
            s: str = "é"

        self.assertEqual(
            Model().model_dump_json(),
            '{"t":"P1Y35DT5.25S","n":"-P1DT23H","d":"2020-01-02T03:04:05.000006+02:00","k":{"2":1,"true":3},"f":null,'
            '"s":"é"}',
        )

    def test_field_serializer(self) -> None:
        class Model(BaseModel):
            a: int = 1
            b: int = 1

            @field_serializer("a")
            def shown(self, value: int) -> str:
                return f"<{value}>"

            @field_serializer("b", when_used="json")
            def in_json(self, value: int) -> str:
                return f"[{value}]"

        self.assertEqual(Model().model_dump(), {"a": "<1>", "b": 1})
        self.assertEqual(Model().model_dump(mode="json"), {"a": "<1>", "b": "[1]"})

    def test_copy_and_construct(self) -> None:
        copied = Config(Name="a").model_copy(update={"name": "b"})
        self.assertEqual((copied.name, copied.model_fields_set), ("b", {"name"}))
        deep = Config(tags=["a"])
        self.assertIs(deep.model_copy().tags, deep.tags)
        self.assertIsNot(deep.model_copy(deep=True).tags, deep.tags)
        made = Config.model_construct(interval_s="not checked")
        self.assertEqual((made.interval_s, made.name, made.model_fields_set), ("not checked", "pump", {"interval_s"}))

    def test_equality_and_iteration(self) -> None:
        self.assertEqual(Point(x=1), Point(x="1"))
        self.assertNotEqual(Point(x=1), Circle(x=1))
        self.assertEqual(dict(Point(x=1)), {"x": 1, "y": 0})
        self.assertEqual(str(Point(x=1)), "x=1 y=0")

    def test_copies_and_pickles(self) -> None:
        value = Everything(my_fieldName2=1, extra1=2)
        self.assertEqual(copy.copy(value), value)
        self.assertEqual(copy.deepcopy(value), value)
        sys.modules.setdefault(Point.__module__, sys.modules[__name__])
        self.assertEqual(pickle.loads(pickle.dumps(Point(x=1))), Point(x=1))

    def test_private_attributes(self) -> None:
        class Model(BaseModel):
            a: int = 1
            LIMIT: ClassVar[int] = 7
            _count: int = 5
            _made: list[int] = PrivateAttr(default_factory=list)

            def model_post_init(self, context: Any) -> None:
                self._made.append(self.a)

        value = Model(a=3)
        value._count += 1
        self.assertEqual((value._count, value._made, Model()._made, Model.LIMIT), (6, [3], [1], 7))
        self.assertEqual(value.model_dump(), {"a": 3})
        self.assertEqual(list(Model.model_fields), ["a"])

    def test_fields_can_be_looked_at(self) -> None:
        field = Config.model_fields["interval_s"]
        self.assertEqual((field.default, field.annotation, field.is_required()), (1.0, float, False))
        self.assertEqual(field.metadata[0].ge, 0.05)
        field = Everything.model_fields["exported"]
        self.assertEqual((field.alias, field.examples, field.json_schema_extra["export"]), ("E E", [1], False))
        self.assertIs(Everything.model_fields["my_fieldName2"].is_required(), True)

    def test_inheritance(self) -> None:
        class Child(Point):
            """Another."""

            x: str = "q"  # type: ignore[assignment]
            z: int = 2

        self.assertEqual(list(Child.model_fields), ["x", "y", "z"])
        self.assertEqual(repr(Child()), "Child(x='q', y=0, z=2)")
        self.assertEqual(Child.model_json_schema()["description"], "Another.")

    def test_json_in(self) -> None:
        self.assertEqual(Point.model_validate_json('{"x": "1"}'), Point(x=1))
        self.assertEqual(self._problems(Point.model_validate_json, "[1]"), [("model_type", (), "Input should be an object")])
        self.assertEqual(self._problems(Point.model_validate_json, "{")[0][:2], ("json_invalid", ()))
        self.assertEqual(TypeAdapter(Set[int]).validate_json("[1, 1]"), {1})
        self.assertEqual(TypeAdapter(datetime.date).validate_json('"2020-01-01"', strict=True), D.date(2020, 1, 1))

    def test_strict(self) -> None:
        class Model(BaseModel):
            model_config = ConfigDict(strict=True)
            a: int
            p: Point = Point(x=0)
            lax: int = Field(0, strict=False)

        self.assertEqual(self._problems(Model, a="1")[0][:2], ("int_type", ("a",)))
        self.assertEqual(Model(a=1, p={"x": "1"}, lax="2").model_dump(), {"a": 1, "p": {"x": 1, "y": 0}, "lax": 2})
        self.assertEqual(self._problems(Point.model_validate, {"x": "1"}, strict=True)[0][0], "int_type")

    def test_text_options(self) -> None:
        class Model(BaseModel):
            model_config = ConfigDict(str_strip_whitespace=True, str_max_length=2, use_enum_values=True)
            a: str
            c: Color = Color.RED

        self.assertEqual(Model(a=" ab ", c="green").model_dump(), {"a": "ab", "c": "green"})
        self.assertEqual(self._problems(Model, a="abc")[0][0], "string_too_long")

    def test_secrets(self) -> None:
        value = SecretStr("abc")
        self.assertEqual((str(value), repr(value), len(value)), ("**********", "SecretStr('**********')", 3))
        self.assertEqual((value.get_secret_value(), repr(SecretBytes(b"a"))), ("abc", "SecretBytes(b'**********')"))
        self.assertEqual(str(SecretStr("")), "")

    def test_arbitrary_types(self) -> None:
        class Thing:
            pass

        class Model(BaseModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            t: Thing

        thing = Thing()
        self.assertIs(Model(t=thing).t, thing)
        self.assertEqual(self._problems(Model, t=1), [("is_instance_of", ("t",), "Input should be an instance of"
                                                      " ModelsTest.test_arbitrary_types.<locals>.Thing")])

    def test_create_model(self) -> None:
        made = create_model("Made", a=(int, 1), b=(str, ...))
        self.assertEqual(made(b="q").model_dump(), {"a": 1, "b": "q"})
        self.assertEqual(made.__name__, "Made")
        self.assertEqual(create_model("Child", __base__=Point, z=(int, 2))(x=1).model_dump(), {"x": 1, "y": 0, "z": 2})

    def test_forward_references(self) -> None:
        self.assertEqual(Tree(v=1, kids=[{"v": "2"}]).kids[0].v, 2)

        class Early(BaseModel):
            later: Optional[Later] = None

        class Later(BaseModel):
            a: int = 1

        Early.model_rebuild()
        self.assertEqual(Early(later={}).model_dump(), {"later": {"a": 1}})

    def test_string_constraints(self) -> None:
        class Model(BaseModel):
            a: Annotated[str, StringConstraints(to_lower=True, pattern="^[A-Z]+$")]

        self.assertEqual(Model(a="AB").a, "ab")
        self.assertEqual(self._problems(Model, a="ab")[0][0], "string_pattern_mismatch")

    def test_bad_classes(self) -> None:
        with self.assertRaisesRegex(pydantic.PydanticUserError, "A non-annotated attribute was detected"):
            type("Bad", (BaseModel,), {"a": 1, "__module__": __name__})
        with self.assertRaisesRegex(pydantic.PydanticUserError, "Decorators defined with incorrect fields"):
            class Wrong(BaseModel):
                @field_validator("absent")
                @classmethod
                def check(cls, value: Any) -> Any:
                    return value
        with self.assertRaisesRegex(pydantic.PydanticUserError, "cannot be instantiated directly"):
            BaseModel()
        with self.assertRaisesRegex(TypeError, "cannot specify both default and default_factory"):
            Field(1, default_factory=int)


class WorkerTest(unittest.TestCase):
    """The configuration of an external worker, as the template has it."""

    def test_config_of_the_template(self) -> None:
        try:
            from funcnodes_worker import ExternalWorkerConfig
        except ImportError:
            self.skipTest("the packages for authors are not on the path")

        class MyWorkerConfig(ExternalWorkerConfig):
            EXPORT_EXCLUDE_FIELDS: ClassVar[set[str]] = {"token"}
            interval_s: float = Field(default=1.0, ge=0.05)
            token: str = "t"
            key: str = Field("k", json_schema_extra={"export": False})

        config = MyWorkerConfig(interval_s="0.5")
        self.assertEqual(config.exportable_dict(), {"interval_s": 0.5})
        self.assertEqual(config.model_dump(), {"interval_s": 0.5, "token": "t", "key": "k"})
        with self.assertRaises(ValidationError):
            MyWorkerConfig(interval_s=0)
        properties = MyWorkerConfig.model_json_schema()["properties"]
        self.assertEqual(json.dumps(properties["interval_s"]), '{"default": 1.0, "minimum": 0.05, "title": "Interval S",'
                         ' "type": "number"}')
        self.assertEqual(properties["key"]["export"], False)


@unittest.skipUnless(IS_SMALL, "the real one has all of it")
class UnsupportedTest(unittest.TestCase):
    """What the small one lacks it refuses when the class is made."""

    def _refused(self, body: str, words: str) -> None:
        with self.assertRaisesRegex(NotImplementedError, words):
            exec(f"class Model(BaseModel):\n    {body}", dict(globals()))  # noqa: S102

    def test_fields(self) -> None:
        for body, words in (
            ("a: int = Field(1, discriminator='x')", "`discriminator` of Field"),
            ("a: int = Field(1, colour='x')", "`colour` of Field"),
            ("a: int = Field(pattern='x')", "the constraint `pattern` on the type `int`"),
            ("a: Union[int, str] = Field(ge=1)", "the constraint `ge` on the type"),
            ("a: Annotated[int, object()]", "in `Annotated`"),
            ("a: int = Field(1, validation_alias=3)", "`validation_alias`"),
        ):
            with self.subTest(body):
                self._refused(body, words)

    def test_types(self) -> None:
        for body, words in (
            ("a: BaseException", "the type `BaseException`"),
            ("a: complex", "the type `complex`"),
            ("a: type[int]", "the type `type`"),
        ):
            with self.subTest(body):
                self._refused(body, words)

    def test_configuration(self) -> None:
        for body, words in (
            ("model_config = ConfigDict(from_attributes=True)", "`from_attributes=True` of model_config"),
            ("model_config = ConfigDict(ser_json_timedelta='float')", "`ser_json_timedelta='float'`"),
            ("model_config = dict(colour=1)", "`colour=1` of model_config"),
            ("def __get_pydantic_core_schema__(self): pass", "`__get_pydantic_core_schema__`"),
        ):
            with self.subTest(body):
                self._refused(body, words)

    def test_names(self) -> None:
        for name in ("EmailStr", "RootModel", "model_serializer", "validator", "HttpUrl"):
            with self.subTest(name), self.assertRaisesRegex(NotImplementedError, f"`{name}`"):
                exec(f"from pydantic import {name}")  # noqa: S102

    def test_modes(self) -> None:
        with self.assertRaisesRegex(NotImplementedError, "the mode `wrap`"):
            model_validator(mode="wrap")
        with self.assertRaisesRegex(NotImplementedError, "model_json_schema"):
            Point.model_json_schema(mode="serialization")
        with self.assertRaisesRegex(NotImplementedError, "two classes of the name `Point`"):
            create_model("Two", a=(Point, None), b=(create_model("Point", z=(int, 1)), None)).model_json_schema()


def results() -> tuple[int, list[str]]:
    """Runs all of it; how many tests ran, and what failed."""
    warnings.simplefilter("ignore")
    suite = unittest.TestSuite()
    for case in (TypesTest, ModelsTest, WorkerTest, UnsupportedTest):
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    result = unittest.TestResult()
    suite.run(result)
    return result.testsRun, [f"{test}: {text}" for test, text in (*result.failures, *result.errors)]


def failures() -> list[str]:
    """Runs all of it; what failed."""
    return results()[1]


if __name__ == "__main__":
    unittest.main()
