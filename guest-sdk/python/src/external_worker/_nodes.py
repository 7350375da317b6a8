"""Nodes in the graph that were made of a method, and the class of those yet to be made."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from ._kinds import options_json


class Trigger(enum.Enum):
    """Whether a value that is set triggers the node."""

    NO = "no"
    """It is shown, no more: a worker shows what its device does."""
    YES = "yes"
    """It triggers where the input does, unless it is the value that is there."""


class Input:
    """One input of a node, or of the nodes of a class."""

    def __init__(self, handle: Any, name: str, options: dict[str, Any], render: dict[str, Any]) -> None:
        self._handle, self._name = handle, name
        self._options, self._render = options, render

    @property
    def value(self) -> Any:
        """The value that was set or came along an edge, else the default; None where there is neither."""
        return self._handle.value(self._name)

    @value.setter
    def value(self, value: Any) -> None:
        self.set_value(value)

    def set_value(self, value: Any, trigger: Trigger | bool = Trigger.YES) -> None:
        """Sets the value; with `Trigger.NO` it is shown without triggering the node."""
        self._handle.set_value(self._name, value, trigger in (Trigger.YES, True))

    @property
    def value_options(self) -> dict[str, Any]:
        """The options as they were set last."""
        return dict(self._options)

    def set_default(self, value: Any) -> None:
        """Sets what the input falls back to."""
        self._handle.set_default(self._name, value)

    default = property(None, set_default, doc="What the input falls back to.")

    def update_value_options(self, **options: Any) -> None:
        """Changes some of the value options, such as `min`, `max` and `options`."""
        self._options.update(options_json(options))
        self._handle.set_value_options(self._name, self._options)

    def update_render_options(self, **options: Any) -> None:
        """Changes some of the render options."""
        self._render.update(options)
        self._handle.set_render_options(self._name, self._render)


class _Inputs(Mapping[str, Input]):
    def __init__(self, owner: NodeProxy) -> None:
        self._owner = owner

    def __getitem__(self, name: str) -> Input:
        return self._owner._input(name)

    def __iter__(self) -> Any:
        return iter(self._owner._options)

    def __len__(self) -> int:
        return len(self._owner._options)


class NodeProxy:
    """A node, or the class of nodes yet to be made. `node.inputs["x"]` and `node.input_x` are its inputs."""

    def __init__(
        self,
        handle: Any,
        options: dict[str, dict[str, Any]],
        render: dict[str, dict[str, Any]],
    ) -> None:
        self._handle, self._options, self._render = handle, options, render

    @property
    def inputs(self) -> Mapping[str, Input]:
        """All inputs by their names."""
        return _Inputs(self)

    @property
    def uuid(self) -> str:
        """Its id in the graph; a class has none."""
        return self._handle.id()

    def _input(self, name: str) -> Input:
        if name not in self._options:
            raise KeyError(name)
        return Input(self._handle, name, self._options[name], self._render[name])

    def __getattr__(self, name: str) -> Input:
        if name.startswith("input_") and name[6:] in self._options:
            return self._input(name[6:])
        raise AttributeError(name)
