"""Classes, nodes and shelves as the contract has them."""

from __future__ import annotations

import inspect
import json
from typing import Any

from wit_world.imports import types

from funcnodes_core import NoValue, Shelf
from funcnodes_core.node import ClassNode
from funcnodes_core.nodemaker import NodeFunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker

from .._describe import NodeClass, Port
from .._kinds import MISSING
from . import values

_DOC_OF_ALL = FuncNodesExternalWorker.__doc__


def worker_class(cls: type[FuncNodesExternalWorker]) -> Any:
    """An author's class."""
    config = cls.config_cls
    excluded = set(getattr(cls, "EXPORT_EXCLUDE_FIELDS", ()))
    if hasattr(config, "export_exclude_fields"):
        excluded |= config.export_exclude_fields()
    doc = cls.__doc__ if cls.__doc__ is not _DOC_OF_ALL else None
    return types.WorkerClass(
        cls.NODECLASSID,
        cls.NAME or cls.__name__,
        inspect.cleandoc(doc) if doc else None,
        _schema(config),
        None,
        sorted(excluded),
        milliseconds(cls.LOOP_DELAY),
        False,
        [node(method.node_class()) for method in cls.node_methods().values()],
    )


def _schema(config: type[Any]) -> str:
    schema = config.model_json_schema()
    if config is ExternalWorkerConfig:
        # What it is for is of no use in a form.
        schema.pop("description", None)
    return json.dumps(schema)


def library_class(class_id: str, title: str, doc: str | None) -> Any:
    """The class of a node library: its nodes are on its shelf."""
    return types.WorkerClass(class_id, title, doc, '{"type": "object"}', None, [], 1000, True, [])


def node(described: NodeClass) -> Any:
    """A node class."""
    timeout = described.timeout
    return types.NodeClass(
        described.name,
        described.title,
        described.description,
        [port(one) for one in described.inputs],
        [port(one) for one in described.outputs],
        _json(described.render_options),
        described.trigger_on_call,
        None if timeout is None else milliseconds(timeout),
    )


def port(one: Port) -> Any:
    """An input or an output."""
    return types.Port(
        one.name,
        json.dumps(one.kind),
        one.description,
        _default(one.default),
        one.required,
        one.does_trigger,
        one.hidden,
        _json(one.value_options),
        _json(one.render_options),
    )


def _default(default: Any) -> Any:
    """A default that the contract cannot say is the function's own, which it has when it is not given another."""
    if default is MISSING or default is NoValue:
        return None
    try:
        return values.to_wit(default)
    except (TypeError, ValueError):
        return None


def shelves(top: list[Shelf]) -> tuple[list[Any], dict[str, NodeFunction | ClassNode]]:
    """Shelves as a flat list, and every node by its path ("shelf/sub/node")."""
    flat: list[Any] = []
    paths: dict[str, NodeFunction | ClassNode] = {}
    places: dict[str, int] = {}
    for shelf in top:
        for path, one, nodes in shelf.walk():
            parent = places.get(path.rpartition("/")[0])
            places[path] = len(flat)
            described = [(function, function.node_class()) for function in nodes]
            flat.append(
                types.Shelf(one.name, one.description or None, parent, [node(shown) for _, shown in described])
            )
            paths.update({f"{path}/{shown.name}": function for function, shown in described})
    return flat, paths


def outputs(described: NodeClass, result: Any) -> list[tuple[str, Any]]:
    """What a function returned, by the names of its outputs."""
    ports = described.outputs
    if len(ports) < 2:
        return [(one.name, _output(one.name, result)) for one in ports if result is not NoValue]
    if not isinstance(result, (tuple, list)) or len(result) != len(ports):
        names = ", ".join(one.name for one in ports)
        raise ValueError(f"{described.name} has the outputs {names}, and returned something else than a value for each")
    named = ((one.name, part) for one, part in zip(ports, result))
    return [(name, _output(name, value)) for name, value in named if value is not NoValue]


def _output(name: str, value: Any) -> Any:
    try:
        return values.to_wit(value)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"the output `{name}`: {problem}") from None


def milliseconds(seconds: float) -> int:
    """Seconds as the contract has them."""
    return min(max(0, round(seconds * 1000)), 0xFFFF_FFFF)


def _json(value: Any) -> str | None:
    return json.dumps(value, default=values.plain) if value else None
