"""Nodes in the graph that were made of a method, and the class of those yet to be made."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any

from ._describe import NodeClass
from ._kinds import MISSING, options_json


class Trigger(enum.Enum):
    """Whether a value that is set triggers the node."""

    NO = "no"
    """It is shown, no more: a worker shows what its device does."""
    YES = "yes"
    """It triggers where the input does, unless it is the value that is there."""


class Shown:
    """What a form shows of an input, as it was set last: a part of it can be changed."""

    def __init__(self, value_options: dict[str, Any], render_options: dict[str, Any], default: Any) -> None:
        self.value_options, self.render_options, self.default = dict(value_options), dict(render_options), default

    def copy(self) -> Shown:
        """The same for another node."""
        return Shown(self.value_options, self.render_options, self.default)


class Input:
    """One input of a node, or of the nodes of a class."""

    def __init__(self, handle: Any, name: str, shown: Shown) -> None:
        self._handle, self._name, self._shown = handle, name, shown

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def value(self) -> Any:
        """The value that was set or came along an edge, else the default; None where there is neither."""
        return self._handle.value(self._name)

    @value.setter
    def value(self, value: Any) -> None:
        self.set_value(value)

    def set_value(
        self, value: Any, does_trigger: Trigger | bool | None = None, trigger: Trigger | bool = Trigger.YES
    ) -> None:
        """Sets the value; with `does_trigger=False`, or `trigger=Trigger.NO`, it is shown without triggering the node."""
        chosen = trigger if does_trigger is None else does_trigger
        self._handle.set_value(self._name, value, chosen in (Trigger.YES, True))

    @property
    def default(self) -> Any:
        """What the input falls back to, as it was declared or set here; None where there is nothing."""
        return None if self._shown.default is MISSING else self._shown.default

    @default.setter
    def default(self, value: Any) -> None:
        self.set_default(value)

    def set_default(self, value: Any) -> None:
        """Sets what the input falls back to; with `NoValue` it has to be given."""
        value = MISSING if repr(value) == "<NoValue>" else value
        self._handle.set_default(self._name, value)
        self._shown.default = value

    default_value = default

    @property
    def value_options(self) -> dict[str, Any]:
        """The options as they were set last."""
        return dict(self._shown.value_options)

    @property
    def render_options(self) -> dict[str, Any]:
        """The render options as they were set last."""
        return dict(self._shown.render_options)

    def update_value_options(self, **options: Any) -> None:
        """Changes some of the value options, such as `min`, `max` and `options`."""
        changed = {**self._shown.value_options, **options_json(options)}
        self._handle.set_value_options(self._name, changed)
        self._shown.value_options = changed

    def update_render_options(self, **options: Any) -> None:
        """Changes some of the render options."""
        changed = {**self._shown.render_options, **options}
        self._handle.set_render_options(self._name, changed)
        self._shown.render_options = changed


class _Inputs(Mapping[str, Input]):
    def __init__(self, owner: NodeProxy) -> None:
        self._owner = owner

    def __getitem__(self, name: str) -> Input:
        return self._owner.get_input(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._owner._shown)

    def __len__(self) -> int:
        return len(self._owner._shown)


class NodeProxy:
    """A node, or the class of nodes yet to be made. `node.inputs["x"]` and `node.input_x` are its inputs."""

    def __init__(self, handle: Any, shown: dict[str, Shown]) -> None:
        self._handle, self._shown = handle, shown

    @property
    def inputs(self) -> Mapping[str, Input]:
        """All inputs by their names."""
        return _Inputs(self)

    @property
    def uuid(self) -> str:
        """Its id in the graph; a class has none."""
        return self._handle.id()

    def get_input(self, name: str) -> Input:
        """An input by its name."""
        return Input(self._handle, name, self._shown[name])

    def __getitem__(self, name: str) -> Input:
        return self.get_input(name)

    def __getattr__(self, name: str) -> Input:
        if name.startswith("input_") and name[6:] in self._shown:
            return self.get_input(name[6:])
        if name in ("outputs", "request_trigger", "trigger"):
            raise AttributeError(
                f"a node in the sandbox is told of by its inputs: it has no {name!r}; "
                "`method.request_trigger()` triggers all nodes of a method"
            )
        raise AttributeError(f"a node has no {name!r}")


class Proxies:
    """The nodes of one method of one instance, with what was shown of each."""

    # Nodes are removed without a word: what was shown of them is not kept for ever.
    _MOST = 10_000

    def __init__(self, node_class: NodeClass) -> None:
        self._of_class = {
            port.name: Shown(port.value_options, port.render_options, port.default) for port in node_class.inputs
        }
        self._of_nodes: dict[str, dict[str, Shown]] = {}

    def of_class(self, handle: Any) -> NodeProxy:
        """The class of nodes yet to be made."""
        return NodeProxy(handle, self._of_class)

    def of_node(self, handle: Any) -> NodeProxy:
        """A node."""
        id = handle.id()
        if id not in self._of_nodes:
            if len(self._of_nodes) >= self._MOST:
                self._of_nodes.clear()
            self._of_nodes[id] = {name: shown.copy() for name, shown in self._of_class.items()}
        return NodeProxy(handle, self._of_nodes[id])
