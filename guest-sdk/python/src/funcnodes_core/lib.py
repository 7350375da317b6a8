"""Shelves: named groups of nodes, one in another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .node import ClassNode, Node
from .nodemaker import NodeFunction

AnyNode = Callable[..., Any] | type[Node]


@dataclass
class Shelf:
    """A named group of nodes. A function that is not decorated becomes a node as it is."""

    name: str
    description: str = ""
    nodes: list[AnyNode] = field(default_factory=list)
    subshelves: list[Shelf] = field(default_factory=list)

    def __init__(
        self,
        name: str,
        description: str = "",
        nodes: Iterable[AnyNode] | None = None,
        subshelves: Iterable[Shelf] | None = None,
    ) -> None:
        self.name, self.description = name, description
        self.nodes, self.subshelves = list(nodes or []), list(subshelves or [])

    def add_node(self, node: AnyNode) -> None:
        """Puts a node on this shelf."""
        self.nodes.append(node)

    def add_subshelf(self, shelf: Shelf) -> None:
        """Puts a shelf into this one."""
        self.subshelves.append(shelf)

    def walk(self, above: str = "") -> Iterable[tuple[str, Shelf, list[NodeFunction | ClassNode]]]:
        """Every shelf with its path ("outer/inner") and its nodes, each before those in it."""
        path = f"{above}/{self.name}" if above else self.name
        yield path, self, [as_node(node) for node in self.nodes]
        for shelf in self.subshelves:
            yield from shelf.walk(above=path)


def as_node(node: AnyNode) -> NodeFunction | ClassNode:
    """A function, or a class of nodes, as a node of a shelf."""
    if isinstance(node, NodeFunction):
        return node
    if isinstance(node, type) and issubclass(node, Node):
        return ClassNode(node)
    return NodeFunction(node, {})


def module_to_shelf(module: ModuleType, name: str | None = None, description: str | None = None) -> Shelf:
    """A shelf of every node that a module defines."""
    found = vars(module).values()
    nodes = [value for value in found if isinstance(value, NodeFunction) or _is_class(value)]
    title = name or module.__name__.rpartition(".")[2].replace("_", " ")
    return Shelf(title, (module.__doc__ or "") if description is None else description, nodes)


def _is_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Node) and hasattr(value, "node_id")
