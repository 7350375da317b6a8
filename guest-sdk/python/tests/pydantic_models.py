"""Models as a whole: the second half of the suite that `test_pydantic.py` runs."""

from __future__ import annotations

import copy
import datetime
import json
import math
import pickle
import sys
import unittest
from typing import Annotated, Any, ClassVar, Dict, List, Optional, Set, Union

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretBytes,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
    field_serializer,
    field_validator,
    model_validator,
)

from pydantic_cases import DUMPED, EVERYTHING, Circle, Color, Config, D, Everything, Point, Tree


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
