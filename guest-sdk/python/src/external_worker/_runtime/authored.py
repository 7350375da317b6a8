"""What the author's program defined: its classes, and the node library, if it is one."""

from __future__ import annotations

import os
import re
import sys
from types import ModuleType
from typing import Any

from wit_world.imports import environment, program

from funcnodes_core import Shelf
from funcnodes_core.lib import module_to_shelf
from funcnodes_worker import FuncNodesExternalWorker
from funcnodes_worker._worker import CLASSES, INCOMPLETE

from . import describe, secure
from .program import Program

_loaded: Authored | None = None


class Authored:
    """A program that was imported."""

    def __init__(self, module: ModuleType) -> None:
        self.classes = _by_id(_announced(module))
        self.shelf = _library_shelf(module, has_classes=bool(self.classes))
        self.library_id = _library_id(module.__name__, self.classes)
        self.title = self.shelf.name if self.shelf else module.__name__
        self.doc = module.__doc__

    def described(self) -> list[Any]:
        """Every class, as the contract has it."""
        classes = [describe.worker_class(cls) for cls in self.classes.values()]
        if self.shelf is not None:
            classes.append(describe.library_class(self.library_id, self.title, self.doc))
        if not classes:
            why = "".join(f"; {_named(cls)} has no {', '.join(missing)}" for cls, missing in INCOMPLETE)
            raise TypeError(
                f"there is no worker in it: a class that inherits from FuncNodesExternalWorker, or a node{why}"
            )
        return classes


def load() -> Authored:
    """Imports the program, once."""
    global _loaded
    if _loaded is None:
        secure.reseed()
        run = Program.read()
        sys.argv = [run.entry]
        _loaded = Authored(run.run())
    return _loaded


def allow() -> None:
    """Lets the program have what it is granted, and know of what it is not."""
    granted = program.granted()
    if "random" not in granted:
        secure.forbid()
    if "env" in granted:
        os.environ.update(environment.get_environment())


def _announced(module: ModuleType) -> list[type[FuncNodesExternalWorker]]:
    """The classes that the module says are its own, else all that were defined."""
    said = getattr(module, "FUNCNODES_WORKER_CLASSES", None)
    if said is None:
        return CLASSES
    chosen = [said] if isinstance(said, type) else list(said)
    return [cls for cls in chosen if cls in CLASSES]


def _by_id(classes: list[type[FuncNodesExternalWorker]]) -> dict[str, type[FuncNodesExternalWorker]]:
    found: dict[str, type[FuncNodesExternalWorker]] = {}
    for cls in classes:
        other = found.setdefault(cls.NODECLASSID, cls)
        if other is not cls:
            raise ValueError(
                f"{_named(other)} and {_named(cls)} have the same NODECLASSID, {cls.NODECLASSID!r}: "
                "give each its own, or set IS_ABSTRACT = True in what the other inherits from"
            )
    return found


def _named(cls: type) -> str:
    """A class and where it is."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__)
    return f"{cls.__name__} ({file}, line {getattr(cls, '__firstlineno__', '?')})"


def _library_id(module: str, taken: dict[str, Any]) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", module)
    name = name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"
    return f"{name}-nodes" if name in taken else name


def _library_shelf(module: ModuleType, *, has_classes: bool) -> Shelf | None:
    shelf = getattr(module, "NODE_SHELF", None)
    if isinstance(shelf, Shelf):
        return shelf
    if has_classes:
        # What is decorated beside a worker is for the worker's own shelf.
        return None
    found = module_to_shelf(module, description="")
    return found if found.nodes else None
