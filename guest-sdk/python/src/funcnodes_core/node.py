"""Nodes that are classes: their inputs and outputs are attributes, and what they set of the latter is what they return.

Each node in the graph has an object of its own, which lasts as long as the instance that it runs in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from external_worker._calls import Call
from external_worker._describe import NodeClass, Port, declared_port

from .io import NodeInput, NodeOutput, NoValue

_MOST_NODES = 10_000


class Node:
    """A node. A class of it has a `node_id`, its inputs and outputs, and `async def func(self, …)`."""

    node_id: ClassVar[str]
    node_name: ClassVar[str | None] = None
    description: ClassVar[str | None] = None
    uuid: str | None = None
    """Its id in the graph."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.inputs: dict[str, _Slot] = {port.name: _Slot() for port in _declared(type(self), NodeInput)}
        self.outputs: dict[str, _Slot] = {port.name: _Slot() for port in _declared(type(self), NodeOutput)}

    @classmethod
    def of_call(cls, call: Call) -> Node:
        """The node that calls, for an argument of a method that is annotated with `Node`: it can show its progress."""
        node = Node()
        node.uuid = call.caller
        return node

    async def func(self, **inputs: Any) -> Any:
        """What the node does."""
        raise NotImplementedError

    def get_input(self, name: str) -> _Slot:
        """An input by its name."""
        return self.inputs[name]

    def get_output(self, name: str) -> _Slot:
        """An output by its name."""
        return self.outputs[name]

    def progress(self, iterable: Iterable[Any] = (), desc: str = "", total: float | None = None, **_: Any) -> Progress:
        """Shows how far a loop is, as tqdm does: an iterable, or a context with `update`."""
        return Progress(iterable, desc, total)

    def request_trigger(self) -> None:
        """A node of the sandbox runs when its inputs say so."""
        raise NotImplementedError("a node in the sandbox cannot trigger itself")


class _Slot:
    """The value of an input or an output."""

    def __init__(self) -> None:
        self.value: Any = NoValue
        self.value_options: dict[str, Any] = {}
        self._listeners: list[Callable[..., Any]] = []

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        """Calls `listener(src=…, result=…)` when an input has got its value for a run; other events never come."""
        if event == "after_set_value":
            self._listeners.append(listener)

    def update_value_options(self, **options: Any) -> None:
        """Keeps them for the node itself: no form of a node on a shelf shows them."""
        self.value_options.update(options)

    def receive(self, value: Any) -> None:
        """Takes the value that a run begins with."""
        self.value = value
        for listener in self._listeners if value is not NoValue else ():
            listener(src=self, result=value)

    def set_value(self, value: Any, does_trigger: bool | None = None) -> None:
        """Sets the value, which is passed on when the node has run."""
        if does_trigger:
            raise NotImplementedError("a node in the sandbox passes on its values when it has run, and not before")
        self.value = value

    @property
    def connections(self) -> Any:
        raise NotImplementedError("a node in the sandbox does not see the graph")


class Progress:
    """How far a loop is."""

    def __init__(self, iterable: Iterable[Any], desc: str, total: float | None) -> None:
        self._iterable, self._desc = iterable, desc
        self._total = len(iterable) if total is None and hasattr(iterable, "__len__") else total  # type: ignore[arg-type]
        self._done = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        for one in self._iterable:
            yield one
            self.update(1)

    def update(self, n: float = 1) -> None:
        """So much more is done."""
        self._done += n
        call = Call.current()
        if call is not None and self._total:
            call.progress(min(1.0, self._done / self._total), self._desc)


class ClassNode:
    """A class of nodes as a node of a shelf."""

    call_argument = "call"

    def __init__(self, cls: type[Node]) -> None:
        self.cls, self.name = cls, cls.node_id
        self._objects: dict[str, Node] = {}

    def node_class(self) -> NodeClass:
        """What it is in the library."""
        doc = self.cls.description or (self.cls.__doc__ if self.cls.__doc__ is not Node.__doc__ else None)
        return NodeClass(
            name=self.name,
            title=self.cls.node_name or self.cls.__name__,
            description=inspect.cleandoc(doc) if doc else None,
            inputs=tuple(_declared(self.cls, NodeInput)),
            outputs=tuple(_declared(self.cls, NodeOutput)),
            render_options=None,
            trigger_on_call=None,
            timeout=None,
            call=self.call_argument,
        )

    async def function(self, call: Call, **inputs: Any) -> Any:
        """Runs the node that calls."""
        node = self._object(call.caller)
        for name, slot in node.inputs.items():
            slot.receive(inputs.get(name, NoValue))
        for slot in node.outputs.values():
            slot.value = NoValue
        returned = await node.func(**inputs)
        values = tuple(slot.value for slot in node.outputs.values())
        if returned is not None and all(value is NoValue for value in values):
            return returned
        return values[0] if len(values) == 1 else values

    def _object(self, caller: str | None) -> Node:
        if caller is None:
            return self.cls()
        node = self._objects.get(caller)
        if node is None:
            if len(self._objects) >= _MOST_NODES:
                self._objects.pop(next(iter(self._objects)))
            node = self._objects[caller] = self.cls()
            node.uuid = caller
        return node


def _declared(cls: type, kind: type) -> list[Port]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for value in vars(base).values():
            if isinstance(value, kind):
                found[value.id] = value
    default = {} if kind is NodeInput else {"required": False}
    return [declared_port(name, one.type, {**default, **one.options}) for name, one in found.items()]


