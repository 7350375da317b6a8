"""`TypeAdapter`: validation of types that are no models."""

from __future__ import annotations

import sys
from typing import Any

from . import _json
from ._build import Builder
from ._errors import Invalid, ValidationError
from ._nodes import Taking
from .main import _giving


class TypeAdapter:
    """One type."""

    def __init__(self, type: Any, *, config: dict[str, Any] | None = None) -> None:
        frame = sys._getframe(1)
        self._node = Builder(config or {}, {**frame.f_globals, **frame.f_locals}).node(type)

    def validate_python(self, object: Any, /, *, strict: bool | None = None, context: Any = None) -> Any:
        """The valid value that an object stands for."""
        return self._taken(object, Taking(strict=bool(strict), context=context))

    def validate_json(self, data: str | bytes | bytearray, /, *, strict: bool | None = None) -> Any:
        """The valid value that a JSON document stands for."""
        how = Taking(strict=bool(strict))
        try:
            return self._taken(_json.parsed(data, how), how)
        except Invalid as error:
            raise ValidationError(self._node.label, error.problems) from None

    def _taken(self, value: Any, how: Taking) -> Any:
        try:
            return self._node.take(value, how)
        except Invalid as error:
            raise ValidationError(self._node.label, error.problems) from None

    def dump_python(self, instance: Any, /, *, mode: str = "python", **options: Any) -> Any:
        """The value as `model_dump` has it."""
        return self._node.give(instance, _giving(mode, False, options))

    def dump_json(self, instance: Any, /, *, indent: int | None = None, **options: Any) -> bytes:
        """The value as JSON."""
        return _json.written(self._node.give(instance, _giving("json", True, options)), indent).encode()

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the type."""
        return _json.document(self._node)


__all__ = ["TypeAdapter"]
