"""Shelves: named groups of nodes, one in another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ._decorators import NodeFunction, as_node

Node = Callable[..., Any]


@dataclass
class Shelf:
    """A named group of nodes. A function that is not decorated becomes a node as it is."""

    name: str
    description: str = ""
    nodes: list[Node] = field(default_factory=list)
    subshelves: list[Shelf] = field(default_factory=list)

    def __init__(
        self,
        name: str,
        description: str = "",
        nodes: Iterable[Node] | None = None,
        subshelves: Iterable[Shelf] | None = None,
    ) -> None:
        self.name, self.description = name, description
        self.nodes, self.subshelves = list(nodes or []), list(subshelves or [])

    def add_node(self, node: Node) -> None:
        """Puts a node on this shelf."""
        self.nodes.append(node)

    def add_subshelf(self, shelf: Shelf) -> None:
        """Puts a shelf into this one."""
        self.subshelves.append(shelf)

    def walk(self, above: str = "") -> Iterable[tuple[str, Shelf, list[NodeFunction]]]:
        """Every shelf with its path ("outer/inner") and its nodes, each before those in it."""
        path = f"{above}/{self.name}" if above else self.name
        yield path, self, [as_node(node) for node in self.nodes]
        for shelf in self.subshelves:
            yield from shelf.walk(above=path)
