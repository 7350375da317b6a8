"""What more is said of an input or an output, where its annotation stands: `Annotated[int, InputMeta(hidden=True)]`."""

from __future__ import annotations

from typing import Any

from external_worker._describe import Meta
from external_worker._kinds import MISSING


class _NoValue:
    """Stands for an input or output that has no value."""

    _the_one: _NoValue | None = None

    def __new__(cls) -> _NoValue:
        if cls._the_one is None:
            cls._the_one = super().__new__(cls)
        return cls._the_one

    def __repr__(self) -> str:
        return "<NoValue>"

    def __bool__(self) -> bool:
        return False


NoValue = _NoValue()


class InputMeta(Meta):
    """Says more of an input: `name`, `description`, `default`, `required`, `does_trigger`, `hidden`, `value_options`,
    `render_options`. What else is given is not used here."""


class OutputMeta(Meta):
    """Says more of an output."""


class _Declared:
    """An input or output of a class of nodes, declared as an attribute."""

    def __init__(self, id: str | None = None, type: Any = MISSING, **options: Any) -> None:
        self.id, self.type, self.options = id, type, options

    def __set_name__(self, owner: type, name: str) -> None:
        self.id = self.id or name


class NodeInput(_Declared):
    """An input of a `Node`."""


class NodeOutput(_Declared):
    """An output of a `Node`."""


__all__ = ["InputMeta", "NoValue", "NodeInput", "NodeOutput", "OutputMeta"]
