"""Arrays without numpy: memory with the type of its elements and a shape."""

from __future__ import annotations

import array
import math
import struct
from typing import Any

# The element types of the contract, as `struct` and `memoryview` write them.
FORMATS = {
    "boolean": "?",
    "u8": "B",
    "s8": "b",
    "u16": "H",
    "s16": "h",
    "u32": "I",
    "s32": "i",
    "u64": "Q",
    "s64": "q",
    "f32": "f",
    "f64": "d",
}
_DTYPES = {code: name for name, code in FORMATS.items()}
_LONG = {"l": "s", "L": "u"}
_NUMPY = {"bool": "boolean", "float32": "f32", "float64": "f64"}


class NdArray:
    """A dense array, row by row.

    `data` is anything with a buffer, such as `bytes`, `array.array`, a `memoryview` or a numpy array; `dtype` and
    `shape` are taken from it where they are not given. `memoryview(array)` is the memory with its format and shape.
    """

    __slots__ = ("dtype", "shape", "memory")

    def __init__(self, data: Any, dtype: str | None = None, shape: tuple[int, ...] | None = None) -> None:
        view = memoryview(data)
        if not view.c_contiguous:
            raise ValueError("the memory of an array has to be contiguous, row by row")
        self.dtype: str = _dtype(dtype) if dtype is not None else _of_format(view.format)
        self.memory: memoryview = view.cast("B") if view.nbytes else memoryview(b"")
        if shape is None:
            shape = view.shape if dtype is None else (self.memory.nbytes // self.itemsize,)
        self.shape: tuple[int, ...] = tuple(shape)
        expected = math.prod(self.shape) * self.itemsize
        if self.memory.nbytes != expected:
            raise ValueError(
                f"an array of {self.dtype} with the shape {self.shape} has {expected} bytes, not {self.memory.nbytes}"
            )

    @classmethod
    def of(cls, values: Any, dtype: str = "f64") -> NdArray:
        """An array of nested lists of numbers."""
        shape, numbers = _shape(values), list(_flat(values))
        return cls(struct.pack(f"<{len(numbers)}{FORMATS[_dtype(dtype)]}", *numbers), dtype, shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return struct.calcsize("<" + FORMATS[self.dtype])

    @property
    def size(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    def tolist(self) -> Any:
        """The elements as nested lists; a number for an array without axes."""
        flat = self.memory.cast(FORMATS[self.dtype]) if self.memory.nbytes else memoryview(b"")
        if not self.shape:
            return flat[0]
        return flat.cast("B").cast(FORMATS[self.dtype], self.shape).tolist() if self.size else _empty(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """For `numpy.asarray`, where there is numpy."""
        import numpy

        code = numpy.dtype("<" + FORMATS[self.dtype])
        made = numpy.frombuffer(self.memory, code).reshape(self.shape)
        return made if dtype is None else made.astype(dtype)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NdArray):
            return NotImplemented
        return (self.dtype, self.shape) == (other.dtype, other.shape) and self.memory == other.memory

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"NdArray(dtype={self.dtype!r}, shape={self.shape})"


def is_buffer(value: object) -> bool:
    """Whether it is memory of numbers that stands for an array."""
    if isinstance(value, (bytes, bytearray)):
        return False
    if isinstance(value, (array.array, memoryview)):
        return True
    return hasattr(value, "__array_interface__")


def _dtype(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the element type of an array is a name such as 'f64', not {name!r}")
    name = _NUMPY.get(name, name)
    if name.startswith(("uint", "int")) and name.removeprefix("u").removeprefix("int").isdigit():
        name = ("u" if name.startswith("u") else "s") + name.removeprefix("u").removeprefix("int")
    if name not in FORMATS:
        raise ValueError(f"there is no element type {name!r}: there are {', '.join(FORMATS)}")
    return name


def _of_format(code: str) -> str:
    code = code.lstrip("@=<")
    if code in _LONG:
        return f"{_LONG[code]}{8 * struct.calcsize(code)}"
    if code not in _DTYPES:
        raise ValueError(f"elements of the format {code!r} are no numbers of an array")
    return _DTYPES[code]


def _shape(values: Any) -> tuple[int, ...]:
    if not isinstance(values, (list, tuple)):
        return ()
    inner = {_shape(row) for row in values}
    if len(inner) > 1:
        raise ValueError("all rows of an array have the same length")
    return (len(values), *(inner.pop() if inner else ()))


def _flat(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        for entry in values:
            yield from _flat(entry)
    else:
        yield values


def _empty(shape: tuple[int, ...]) -> Any:
    first, *rest = shape
    return [_empty(tuple(rest)) for _ in range(first)] if rest else []
