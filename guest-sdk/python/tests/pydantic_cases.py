"""What `test_pydantic.py` takes in, refuses and describes, as the real pydantic does."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import pathlib
import uuid
from typing import Annotated, Any, Dict, List, Literal, Mapping, Optional, Sequence, Set, Tuple, Union

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
    SecretBytes,
    SecretStr,
    StrictInt,
    StrictStr,
    WrapValidator,
    computed_field,
    confloat,
    conint,
    conlist,
    constr,
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
