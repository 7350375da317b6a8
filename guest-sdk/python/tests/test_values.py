"""Values go over the border and come back as what they were, or as what an annotation asks for."""

from __future__ import annotations

import array
import dataclasses
import datetime
import decimal
import enum
import json
import typing
import unittest
import uuid
from pathlib import Path

from sandbox import WIT

from external_worker import Media, NdArray
from external_worker._coerce import as_annotated
from external_worker._runtime import values
from pydantic import BaseModel


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = 2


class Model(BaseModel):
    x: int = 1


@dataclasses.dataclass
class Point:
    x: float
    when: datetime.date


class Out(unittest.TestCase):
    def test_each_kind_of_value_has_its_own(self) -> None:
        for value, expected in [
            (None, WIT.Value_None_()),
            (True, WIT.Value_Boolean(True)),
            (3, WIT.Value_Integer(3)),
            (-(1 << 63), WIT.Value_Integer(-(1 << 63))),
            (1 << 63, WIT.Value_Json(str(1 << 63))),
            (0.5, WIT.Value_Number(0.5)),
            ("ä", WIT.Value_Text("ä")),
            (b"\0", WIT.Value_Bytes(b"\0")),
            (bytearray(b"x"), WIT.Value_Bytes(b"x")),
            (Mode.SLOW, WIT.Value_Integer(2)),
            (Media.png(b"p"), WIT.Value_Media(WIT.Media("image/png", b"p"))),
            ([1, "a", None], WIT.Value_Json('[1,"a",null]')),
            ((1, 2), WIT.Value_Json("[1,2]")),
            ({1}, WIT.Value_Json("[1]")),
            ({"a": Mode.FAST}, WIT.Value_Json('{"a":"fast"}')),
            (Model(x=2), WIT.Value_Json('{"x":2}')),
            (datetime.date(2026, 1, 2), WIT.Value_Text("2026-01-02")),
            (datetime.timedelta(minutes=1), WIT.Value_Number(60.0)),
            (decimal.Decimal("1.10"), WIT.Value_Text("1.10")),
            (Path("/a/b"), WIT.Value_Text("/a/b")),
            (Point(1.0, datetime.date(2026, 1, 2)), WIT.Value_Json('{"x":1.0,"when":"2026-01-02"}')),
            ([array.array("h", [1, 2])], WIT.Value_Json("[[1,2]]")),
            (range(3), WIT.Value_Json("[0,1,2]")),
        ]:
            with self.subTest(value=value):
                self.assertEqual(values.to_wit(value), expected)

    def test_arrays_keep_their_type_and_shape(self) -> None:
        sent = values.to_wit(NdArray.of([[1, 2], [3, 4]], "f32")).value
        self.assertEqual((sent.dtype.name, sent.shape, len(sent.data)), ("F32", [2, 2], 16))
        self.assertEqual(values.to_wit(memoryview(b"abc")).value.shape, [3])
        back = values.from_wit(WIT.Value_Array(sent))
        self.assertEqual(back.tolist(), [[1.0, 2.0], [3.0, 4.0]])

    def test_half_a_pair_of_surrogates_does_not_leave(self) -> None:
        self.assertEqual(values.to_wit("a\ud800").value, "a?")
        self.assertEqual(values.to_wit(["\ud800"]).value, '["?"]')

    def test_what_cannot_be_said_is_an_error(self) -> None:
        deep: list = []
        for _ in range(100_000):
            deep = [deep]
        own: list = []
        own.append(own)
        for value, words in [
            (deep, "too deeply"),
            (own, "contains itself"),
            ([float("nan")], "nan"),
            ({(1, 2): 3}, "keys"),
            (object(), "JSON has nothing for a object"),
            (10**5000, "digits"),
        ]:
            with self.subTest(words), self.assertRaisesRegex((ValueError, TypeError), words):
                values.to_wit(value)


class In(unittest.TestCase):
    def test_a_value_takes_the_form_of_its_annotation(self) -> None:
        day = datetime.date(2026, 1, 2)
        for value, annotation, expected in [
            ("fast", Mode, Mode.FAST),
            ("SLOW", Mode, Mode.SLOW),
            (None, typing.Optional[Mode], None),
            ("fast", typing.Optional[Mode], Mode.FAST),
            (["fast", 2], typing.List[Mode], [Mode.FAST, Mode.SLOW]),
            ([1, 1], typing.Set[int], {1}),
            ([1], frozenset, frozenset({1})),
            ([1, "fast"], typing.Tuple[int, Mode], (1, Mode.FAST)),
            ([1, 2], tuple[int, ...], (1, 2)),
            ({"1": 2}, typing.Dict[int, float], {1: 2.0}),
            (1, float, 1.0),
            (2.0, int, 2),
            (2.5, int, 2.5),
            (True, float, True),
            ({"x": 3}, Model, Model(x=3)),
            ([{"x": 3}], typing.List[Model], [Model(x=3)]),
            ({"x": 1, "when": "2026-01-02"}, Point, Point(1.0, day)),
            ("2026-01-02", datetime.date, day),
            (60, datetime.timedelta, datetime.timedelta(minutes=1)),
            ("1.10", decimal.Decimal, decimal.Decimal("1.10")),
            ("12345678-1234-5678-1234-567812345678", uuid.UUID, uuid.UUID("12345678-1234-5678-1234-567812345678")),
            ("a", typing.Literal["a", "b"], "a"),
            ("text", int, "text"),
            ("text", typing.Any, "text"),
            (1, typing.Annotated[float, "volts"], 1.0),
            (1, typing.Union[int, str], 1),
            (Media.png(b"p"), bytes, b"p"),
            (NdArray.of([1.0]), list, [1.0]),
        ]:
            with self.subTest(value=value, annotation=annotation):
                made = as_annotated(value, annotation)
                self.assertEqual(made, expected)
                self.assertIs(type(made), type(expected))

    def test_an_enumeration_and_a_model_say_what_is_wrong(self) -> None:
        for value, annotation in [("x", Mode), ({"x": "y"}, Model), ("no date", datetime.date)]:
            with self.subTest(annotation), self.assertRaises(ValueError):
                as_annotated(value, annotation)

    def test_big_numbers_come_back(self) -> None:
        self.assertEqual(values.from_wit(values.to_wit(1 << 100)), 1 << 100)

    def test_json_comes_back_as_it_was(self) -> None:
        value = {"a": [1, None, "x", {"b": 1.5}]}
        self.assertEqual(values.from_wit(values.to_wit(value)), value)
        self.assertEqual(json.loads(values.to_wit(value).value), value)


class Arrays(unittest.TestCase):
    def test_memory_has_to_fit(self) -> None:
        with self.assertRaisesRegex(ValueError, "has 8 bytes, not 4"):
            NdArray(b"1234", "f64", (1,))
        with self.assertRaisesRegex(ValueError, "no element type"):
            NdArray(b"", "f16")
        with self.assertRaisesRegex(TypeError, "a name such as"):
            NdArray(b"", (1,))  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "same length"):
            NdArray.of([[1], [1, 2]])

    def test_numpy_names_are_known(self) -> None:
        for name, own in [("float32", "f32"), ("uint8", "u8"), ("int64", "s64"), ("bool", "boolean")]:
            self.assertEqual(NdArray(b"", name).dtype, own)

    def test_scalars_and_empty_ones(self) -> None:
        self.assertEqual(NdArray(b"\x05", "u8", ()).tolist(), 5)
        self.assertEqual(NdArray(b"", "u8", (2, 0)).tolist(), [[], []])


if __name__ == "__main__":
    unittest.main()
