"""What of values is easier said in Python: JSON of objects that are more than JSON, tables, and arrays."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
from typing import Any


#: Cells of a table, or elements of a list, that are made JSON at once: as long, no other thread of Python goes on.
PIECE = 10_000


def dumps(value: Any) -> str:
    """``value`` as JSON."""
    if is_table(value):
        return _table_text(value)
    return _list_text(value) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, default=_default)


def _list_text(elements: list[Any]) -> str:
    begins = range(0, len(elements), PIECE)
    return f"[{','.join(_text(elements[begin : begin + PIECE])[1:-1] for begin in begins)}]"


def _table_text(frame: Any) -> str:
    step = max(1, PIECE // max(1, len(frame.columns)))
    pieces = (frame.iloc[begin : begin + step] for begin in range(0, len(frame), step))
    data = ",".join(_text(_rows(piece))[1:-1] for piece in pieces)
    index, columns = _list_text(_labels(frame.index)), _list_text(_labels(frame.columns))
    return f'{{"index":{index},"columns":{columns},"data":[{data}]}}'


def _default(value: Any) -> Any:
    """What stands in JSON for an object that has no word of its own there."""
    if is_table(value):
        return table(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"no guest can be given a `{type(value).__name__}`")


def is_table(value: Any) -> bool:
    """Whether ``value`` is a ``DataFrame`` of pandas, which is not imported for that."""
    return isinstance(value, getattr(sys.modules.get("pandas"), "DataFrame", ()))


def table(frame: Any) -> dict[str, Any]:
    """A ``DataFrame`` as its orientation ``split``: ``index``, ``columns`` and the rows as ``data``, where ``None`` is
    no value."""
    return {"index": _labels(frame.index), "columns": _labels(frame.columns), "data": _rows(frame)}


def _rows(frame: Any) -> list[list[Any]]:
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def _labels(index: Any) -> list[Any]:
    """Those of an index. One of several levels cannot say which of its labels are no value."""
    if index.nlevels > 1:
        return index.tolist()
    return [label if is_one else None for label, is_one in zip(index.tolist(), index.notna())]


def plain(value: Any) -> Any:
    """``value`` with its elements one after another in this machine's order, or itself where that is not possible."""
    try:
        import numpy
    except ImportError:
        return bytes(value) if isinstance(value, memoryview) and value.format == "B" else value
    made = numpy.ascontiguousarray(value)
    if made.dtype.kind not in "biuf" or made.dtype.itemsize > 8:
        return value
    if made.dtype == numpy.float16:
        made = made.astype(numpy.float32)
    made = made.astype(made.dtype.newbyteorder("="), copy=False)
    return value if made is value else made


def array(data: Any, format: str, shape: tuple[int, ...]) -> Any:
    """The array that lies in ``data``: one of numpy, or a ``memoryview`` where there is no numpy."""
    try:
        import numpy
    except ImportError:
        flat = memoryview(data)
        return flat.cast(format, shape) if len(flat) else flat.cast(format)
    return numpy.frombuffer(data, dtype=numpy.dtype(format)).reshape(shape)
