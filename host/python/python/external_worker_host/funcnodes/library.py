"""A node library: a class whose one instance the Worker makes by itself. Its nodes are on a shelf at the top."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from typing import Any

from funcnodes_core import Shelf
from funcnodes_core.lib import flatten_shelf

from .nodes import SandboxedNode
from .pump import listen
from .sandbox import Sandbox
from .source import Source

#: Seconds before one that has ended starts again, the first time and at most.
AGAIN_S, AGAIN_MOST_S = 0.5, 30.0


class Library:
    """The instance of a class that is a library, and its shelf."""

    def __init__(
        self, source: Source, class_id: str, others: Iterable[Library], sandbox: Sandbox | None = None
    ) -> None:
        """`sandbox`: that of a library of this id that was there before, with its nodes."""
        # Nothing of it is saved, so it may be another one each time; the ids of its nodes have no uuid.
        self.sandbox = sandbox or Sandbox(source, class_id, uuid.uuid4().hex, None, True)
        self.sandbox.source = self.source = source
        #: Set when its nodes can be used, or never will be.
        self.ready = asyncio.Event()
        self._replaced = asyncio.Event()
        #: The name of its shelf, which no other has.
        self.shelf = self._free_name({other.shelf for other in others})
        self._is_shown = False
        self._is_open = True
        self._again_s = AGAIN_S
        self._task = source.spawn(self._run())

    def label(self) -> str:
        return self.sandbox.definition.title

    async def _run(self) -> None:
        if not self.sandbox.begin({}, self.label()):
            self.ended(self.sandbox.problem)
            await self.source.tell(f"{self.label()}: {self.sandbox.problem}")
        self.sandbox.renew_nodes()
        await listen(self, self._replaced, lambda: self._is_open)

    async def swap(self) -> None:
        """Goes on with the newest version of the file."""
        if await self.sandbox.swap(self.label()):
            self._replaced.set()

    async def close(self) -> None:
        """Its nodes do nothing until the class is there again."""
        self._is_open = False
        self._take_down()
        await self.sandbox.end(True)
        self._task.cancel()

    async def started(self) -> None:
        await self.nodes_update()
        self.ready.set()

    async def nodes_update(self) -> None:
        guest, worker = self.sandbox.guest, self.source.worker
        if guest is None or worker is None:
            return
        below = [self.sandbox.shelf(it) for it in await guest.shelves() or []]
        self._take_down()
        methods = list(self.sandbox.methods().values())
        description = self.sandbox.definition.description or ""
        worker.nodespace.lib.add_shelf(Shelf(self.shelf, description, methods, below))
        self._is_shown = True

    def _free_name(self, others: set[str]) -> str:
        """The title, if nobody has a shelf of that name."""
        worker, title = self.source.worker, self.label()
        taken = others if worker is None else others | {shelf.name for shelf in worker.nodespace.lib.shelves}
        return title if title not in taken else f"{title} ({self.sandbox.class_id})"

    def _take_down(self) -> None:
        worker = self.source.worker
        if not self._is_shown or worker is None:
            return
        self._is_shown = False
        library = worker.nodespace.lib
        shown = next((shelf for shelf in library.shelves if shelf.name == self.shelf), None)
        nodes = [] if shown is None else flatten_shelf(shown)[0]
        own = [it for it in nodes if issubclass(it, SandboxedNode) and it.sandbox() is self.sandbox]
        if len(own) < len(nodes):
            # A package put a shelf of the same name there, and FuncNodes made one of the two.
            library.remove_nodeclasses(own)
        elif shown is not None:
            library.remove_shelf_path([self.shelf])

    def config_said(self) -> None:
        """A library has no settings."""

    def emitted(self, event: str, data: Any) -> None:
        """Nobody listens to a library."""

    def ended(self, reason: str) -> None:
        self.source.log.error("the node library %s has ended: %s", self.label(), reason)
        self.ready.set()
        if self._is_open:
            self.source.spawn(self._start_again())

    async def _start_again(self) -> None:
        """Nobody can do that for a library by its settings, as for an external worker. The pauses grow."""
        await asyncio.sleep(self._again_s)
        self._again_s = min(self._again_s * 2, AGAIN_MOST_S)
        if self._is_open and not self.sandbox.is_alive and self.sandbox.begin({}, self.label()):
            self._replaced.set()
