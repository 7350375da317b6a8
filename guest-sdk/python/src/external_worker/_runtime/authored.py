"""What the author's program defined: its classes, and the node library, if it is one."""

from __future__ import annotations

import random
import re
import sys
from types import ModuleType
from typing import Any

from wit_world.imports import insecure_seed, program

from funcnodes_core import Shelf
from funcnodes_core.lib import module_to_shelf
from funcnodes_worker._worker import CLASSES

from . import describe
from .program import Program

_loaded: Authored | None = None


class Authored:
    """A program that was imported."""

    def __init__(self, module: ModuleType) -> None:
        self.classes = dict(CLASSES)
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
            raise TypeError("there is no worker in it: a class that inherits from FuncNodesExternalWorker, or a node")
        return classes


def load() -> Authored:
    """Imports the program, once."""
    global _loaded
    if _loaded is None:
        # All instances are made of one snapshot: what it drew, they would all draw.
        seed = insecure_seed.get_insecure_seed()
        random.seed((seed[0] << 64) | seed[1])
        _loaded = Authored(Program.read().run())
    return _loaded


def forbid_random() -> None:
    """Lets random bytes that should be secure fail where they are not granted, instead of being guessable."""
    if "random" in program.granted():
        return

    def refused(*_: Any) -> bytes:
        raise PermissionError(
            "random bytes are not granted: request `random` in the script's header, and grant it in the policy"
        )

    import os
    import uuid

    os.urandom = refused
    random._urandom = refused  # type: ignore[attr-defined]
    uuid.uuid4 = refused  # type: ignore[assignment]
    # A generator without a seed takes one from the system, without asking.
    usual = random.Random.seed

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        usual(self, random.getrandbits(128) if a is None else a, version)

    random.Random.seed = seeded  # type: ignore[method-assign]
    for name in ("secrets",):
        module = sys.modules.get(name)
        if module is not None:
            module.token_bytes = refused  # type: ignore[attr-defined]


def _library_id(module: str, taken: dict[str, Any]) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", module)
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
