"""What a component instance has become: a worker with its methods, its shelf and its open calls."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from wit_world.imports import preopens, program

from funcnodes_core import InstanceNode, Shelf
from funcnodes_worker import FuncNodesExternalWorker

from .._calls import Call
from .._describe import NodeClass
from . import pauses, describe

_DATA = "/data"
# How long calls may clean up before the worker's own end begins; the host's patience is longer.
_CLEANING_UP = 1.0


async def awaited(result: Any) -> Any:
    """The result of a hook or a node, whether it waits or not."""
    return await result if inspect.isawaitable(result) else result


def hook(worker: FuncNodesExternalWorker | None, name: str) -> Callable[..., Any] | None:
    """What an author may define beside what the class has; a node of this name is none."""
    found = getattr(worker, name, None)
    return found if callable(found) and not isinstance(found, InstanceNode) else None


class Instance:
    """The one of this component instance: the bindings make a new `Worker` for each call."""

    def __init__(self) -> None:
        self.worker: FuncNodesExternalWorker | None = None
        self.library: Shelf | None = None
        self.turn: asyncio.Task[Any] | None = None
        self.calls: dict[int, tuple[Call, asyncio.Task[Any]]] = {}
        self._methods: dict[str, tuple[Callable[..., Any], NodeClass]] = {}
        self._shelves: list[Any] | None = None
        self._paths: dict[str, Any] | None = None

    async def become(self, cls: type[FuncNodesExternalWorker], instance: Any, config: Any) -> None:
        """An instance of an author's class."""
        worker = cls(workerid=instance.uuid, data_path=_data_path(), name=instance.name or None)
        self.worker = worker
        worker._attached = True
        for name, method in cls.node_methods().items():
            self._methods[name] = (method.function.__get__(worker), method.node_class())
        worker._begin_with(config)
        setup = hook(worker, "setup")
        if setup is not None:
            await awaited(setup())
        worker._running = True
        if worker.delay != cls.LOOP_DELAY:
            worker.delay = worker.delay

    def shelves(self) -> list[Any] | None:
        """Reads the shelf. One that cannot be read leaves the one that there was."""
        shelf = self.library if self.worker is None else self.worker.get_nodeshelf()
        if shelf is None:
            self._shelves, self._paths = None, {}
        else:
            self._shelves, self._paths = describe.shelves([shelf])
        return self._shelves

    def last_shelves(self) -> list[Any] | None:
        """The shelf as it was read last."""
        return self._shelves

    def find(self, node: str) -> tuple[Callable[..., Any], NodeClass] | None:
        """A method by its name, or a node of the shelf by its path."""
        method = self._methods.get(node)
        if method is not None:
            return method
        if self._paths is None:
            self.shelves()
        found = (self._paths or {}).get(node)
        return None if found is None else (found.function, found.node_class())

    async def end(self, report: Callable[[BaseException], Any]) -> None:
        """Ends the loop and the calls, lets the worker release what it holds, then ends what it left running."""
        here = asyncio.current_task()
        pauses.stopping()
        if self.worker is not None:
            self.worker._stopping, self.worker._running = True, False
        for call, _ in self.calls.values():
            call.cancelled = True
        await _cancel([self.turn, *(task for _, task in self.calls.values())], here)
        if self.worker is not None:
            try:
                await awaited(self.worker.stop())
            except BaseException as problem:
                report(problem)
        await _cancel(list(asyncio.all_tasks()), here)


async def _cancel(tasks: list[asyncio.Task[Any] | None], here: asyncio.Task[Any] | None) -> None:
    running = [task for task in tasks if task is not None and task is not here and not task.done()]
    for task in running:
        if not task.cancelling():  # else it cleans up already
            task.cancel()
    if running:
        await asyncio.wait(running, timeout=_CLEANING_UP)


def _data_path() -> str | None:
    if "data" not in program.granted():
        return None
    granted = [name for _, name in preopens.get_directories()]
    return _DATA if _DATA in granted else None
