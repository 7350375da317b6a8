"""One suite for the two that may be called pydantic: the real one, and the small one in `fallback/`.

It runs on plain CPython with either on the path, and inside of the sandbox, where a node calls `failures()`. What it
expects is what the real one does; the JSON Schemas are compared byte by byte.
"""

from __future__ import annotations

import json
import typing
import unittest
import warnings
from typing import Any, ClassVar

import pydantic
from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
    model_validator,
)

from pydantic_cases import IS_SMALL, REFUSES, SCHEMAS, TAKES, Point
from pydantic_models import ModelsTest


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
            exec(f"class Model(BaseModel):\n    {body}", {**vars(typing), **vars(pydantic), "__name__": __name__})  # noqa: S102

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
