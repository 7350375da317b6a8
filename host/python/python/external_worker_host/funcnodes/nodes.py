"""Nodes of a graph whose function runs in a sandbox: made from what a component says, not from a Python signature.

A node knows its sandbox weakly, and tells it when it comes into a graph and when it leaves, so that the guest may look
at its inputs and change them.
"""

from __future__ import annotations

import copy
import json
import logging
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

from funcnodes_core import JSONDecoder, JSONEncoder, NodeInput, NodeOutput
from funcnodes_core.io import NoValue
from funcnodes_core.nodemaker import NodeClassNode

from .._native import Media
from . import values

if TYPE_CHECKING:
    from .._native import InputChange, NodeClass, Port
    from .sandbox import Sandbox

#: What every node of FuncNodes has.
_RESERVED = frozenset({"_triggerinput", "_triggeroutput"})


class SandboxedNode(NodeClassNode):
    """A node of a sandboxed worker or library."""

    #: Whose node it is.
    sandbox: ClassVar[weakref.ref[Sandbox]]
    #: The method, or the path on the shelf.
    path: ClassVar[str]
    #: All that the guest said of it.
    said: ClassVar[str]
    #: Ids of FuncNodes by the guest's names, and the other way round.
    input_ids: ClassVar[dict[str, str]]
    output_ids: ClassVar[dict[str, str]]
    names: ClassVar[dict[str, str]]
    #: Inputs and outputs that have media, by their id.
    media: ClassVar[frozenset[str]]
    #: Inputs that have arrays, and outputs that have tables.
    arrays: ClassVar[frozenset[str]]
    tables: ClassVar[frozenset[str]]

    _saved: dict[str, Any] | None = None
    _attached: str | None = None

    def deserialize(self, data: Any) -> None:
        self._saved = data.get("io") or {}
        super().deserialize(data)

    def set_nodespace(self, nodespace: Any) -> None:
        super().set_nodespace(nodespace)
        sandbox = type(self).sandbox()
        if self._attached is not None and sandbox is not None:
            sandbox.detach(self, self._attached)
        self._attached = None
        if nodespace is not None and sandbox is not None:
            self._attached = self.uuid
            sandbox.attach(self)

    def begin_with(self, changes: list[tuple[str, InputChange]]) -> None:
        """What the guest set at the class, for nodes yet to be made. What was saved with the node is newer."""
        for name, change in changes:
            saved = (self._saved or {}).get(self.input_ids.get(name, ""), {})
            if change.kind in ("value", "shown", "default", "no_default") and ("default" in saved or "value" in saved):
                continue
            self.change_input(name, change)

    def change_input(self, name: str, change: InputChange) -> None:
        """The guest changed an input: the same as if a line of Python in this Worker had."""
        port = self.inputs.get(self.input_ids.get(name, ""))
        if port is None:
            return
        if change.kind == "value":
            port.set_value(values.bounded(change.value))
        elif change.kind == "shown":
            port.set_value(values.bounded(change.value), does_trigger=False)
        elif change.kind in ("default", "no_default"):
            port.set_default(values.bounded(change.value) if change.kind == "default" else NoValue)
            if port._value is NoValue:
                # It is the value in force now, which nobody has told the clients.
                port.set_value(NoValue, does_trigger=False)
        elif change.kind == "value_options" and isinstance(change.value, dict):
            port.update_value_options(**{str(key): value for key, value in change.value.items()})
        elif change.kind == "render_options" and isinstance(change.value, dict):
            port._default_render_options = values.port_rendering(
                {**port.render_options, **change.value}, port.uuid in self.media
            )

    def value_of(self, name: str) -> Any:
        """The value in force at an input, for the guest; `None`: there is none."""
        port = self.inputs.get(self.input_ids.get(name, ""))
        value = None if port is None else port.value
        return None if port is None or value is NoValue else self.for_guest(port.uuid, value)

    def for_guest(self, port: str, value: Any) -> Any:
        """The value of an input as the guest wants it."""
        if port in self.arrays:
            return values.array_of(value)
        value = values.without_picture(value)
        return values.media_of(value) if port in self.media else value

    def all_for_guest(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The values of inputs by the names that the guest has for them."""
        return {self.names[port]: self.for_guest(port, value) for port, value in inputs.items()}

    def from_guest(self, name: str, value: Any) -> Any:
        """The value of an output as the graph wants it."""
        port = self.output_ids[name]
        if port in self.media and value is not None:
            value = values.media_of(value)
            if not isinstance(value, Media):
                raise TypeError(f"the output `{name}` is to be media, not {type(value).__name__}")
        if isinstance(value, Media):
            value = values.picture_of(value)
        return values.bounded(values.table_of(value) if port in self.tables else value)

    def show_progress(self, fraction: float | None, message: str, elapsed: float) -> None:
        """Shows how far a call is; `None`: it is done."""
        self._broadcast_progress(
            {
                "n": 0 if fraction is None else round(fraction * 100),
                "total": None if fraction is None else 100,
                "elapsed": elapsed,
                "prefix": message,
                "unit": "%",
                "unit_scale": False,
                "unit_divisor": 1000,
                "initial": 0,
                "rate": None,
                "ncols": None,
                "nrows": None,
                "ascii": False,
                "bar_format": None,
                "postfix": None,
                "colour": None,
            }
        )


async def _run(self: SandboxedNode, /, **inputs: Any) -> Any:
    """What a node does when it is triggered."""
    sandbox = type(self).sandbox()
    if sandbox is None:
        raise RuntimeError("its external worker is not there any more")
    outputs = await sandbox.run(self, inputs)
    known = {name: value for name, value in outputs.items() if name in self.output_ids}
    made = await values.converted(known.values(), lambda: {name: self.from_guest(name, known[name]) for name in known})
    for name, value in made.items():
        self.outputs[self.output_ids[name]].value = value
    return next(iter(outputs.values()), None) if len(outputs) < 2 else outputs


def _said(node: NodeClass) -> str:
    """All of a description as one text: the same exactly when nothing changed."""

    def port(it: Port) -> list[Any]:
        options = [it.value_options, it.render_options, it.required, it.does_trigger, it.hidden]
        return [it.name, it.type, it.description, it.has_default, it.default, *options]

    ports = [[port(it) for it in node.inputs], [port(it) for it in node.outputs]]
    return json.dumps([node.name, node.title, node.description, node.render_options, *ports], default=repr)


def _input(port: Port) -> NodeInput:
    is_media = values.takes_media(port.type)
    options: dict[str, Any] = {
        "uuid": port.name,
        "description": port.description,
        "default": copy.deepcopy(port.default) if port.has_default else NoValue,
        "required": port.required,
        "does_trigger": port.does_trigger,
        "hidden": port.hidden,
        "render_options": values.port_rendering(port.render_options, is_media) if port.render_options else {},
        "value_options": copy.deepcopy(port.value_options) if isinstance(port.value_options, dict) else None,
    }
    try:
        return NodeInput(type=values.type_of(port.type), **options)
    except Exception:
        return NodeInput(type="Any", **options)


def _output(port: Port) -> NodeOutput:
    is_media = values.takes_media(port.type)
    options: dict[str, Any] = {
        "uuid": port.name,
        "description": port.description,
        "hidden": port.hidden,
        "render_options": values.port_rendering(port.render_options, is_media),
        "value_options": copy.deepcopy(port.value_options) if isinstance(port.value_options, dict) else None,
    }
    try:
        return NodeOutput(type=values.type_of(port.type), **options)
    except Exception:
        return NodeOutput(type="Any", **options)


def _class_name(method: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in method).split()
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.endswith("Node") else name + "Node"


def node_class(sandbox: Sandbox, node: NodeClass, path: str, node_id: str) -> type[SandboxedNode]:
    """The class of the nodes of a method, or of a node on a shelf."""
    inputs = [(port, _input(port)) for port in node.inputs if port.name not in _RESERVED]
    outputs = [(port, _output(port)) for port in node.outputs if port.name not in _RESERVED]
    body: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": node.description,
        "node_id": node_id,
        "node_name": node.title or node.name.title(),
        "description": node.description or "",
        "default_trigger_on_create": False,
        "func": _run,
        "sandbox": weakref.ref(sandbox),
        "path": path,
        "said": _said(node),
    }
    body.update({f"input_{index}": port for index, (_, port) in enumerate(inputs)})
    body.update({f"output_{index}": port for index, (_, port) in enumerate(outputs)})
    for direction, ports in (("input", inputs), ("output", outputs)):
        for index, (said, port) in enumerate(ports):
            if said.name.startswith("_"):
                # FuncNodes calls such a one by its attribute.
                body[f"{direction}_{said.name}"] = body.pop(f"{direction}_{index}")
    made: type[SandboxedNode] = type(_class_name(node.name), (SandboxedNode,), body)
    made.input_ids = {said.name: port.uuid for said, port in inputs}
    made.output_ids = {said.name: port.uuid for said, port in outputs}
    made.names = {port.uuid: said.name for said, port in inputs}
    all_ports = [*inputs, *outputs]
    made.media = frozenset(port.uuid for said, port in all_ports if values.takes_media(said.type))
    made.arrays = frozenset(port.uuid for said, port in inputs if values.takes_array(said.type))
    made.tables = frozenset(port.uuid for said, port in outputs if values.takes_table(said.type))
    visible = {port.uuid: port.uuid in made.media for said, port in outputs if not said.hidden}
    made.default_render_options = values.node_rendering(node.render_options, visible)
    return made


def same_or_new(
    old: type[SandboxedNode] | None, sandbox: Sandbox, node: NodeClass, path: str, node_id: str
) -> type[SandboxedNode] | None:
    """The class that there is already, if nothing of it changed. `None`: FuncNodes does not take it."""
    if old is not None and old.node_id == node_id and old.said == _said(node):
        return old
    try:
        return node_class(sandbox, node, path, node_id)
    except Exception as error:
        logging.getLogger("funcnodes").error("the node `%s` is left out: %s", node_id, error)
        return None


def replace(node: SandboxedNode, made: type[SandboxedNode]) -> None:
    """Puts a node of another class in the place of one, with its values and edges: the method changed."""
    space = node.nodespace
    if space is None:
        return
    data = json.loads(json.dumps(node.serialize(), cls=JSONEncoder), cls=JSONDecoder)
    uuid = node.uuid
    edges = [edge for edge in space.serialize_edges() if uuid in (edge[0], edge[2])]
    space.remove_node_instance(node)
    new = made()
    new.deserialize(data)
    space.add_node_instance(new)
    space.deserialize_edges(edges)
