"""What of values is easier said in Python: JSON of objects that are more than JSON, tables, and arrays."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
from typing import Any


def dumps(value: Any) -> str:
    """``value`` as JSON."""
    return json.dumps(value, default=_default)


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
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"index": frame.index.tolist(), "columns": frame.columns.tolist(), "data": rows}


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
