"""One file with external workers: what it is, what it says of its classes, and which Worker has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from funcnodes_core import FUNCNODES_LOGGER

from .._native import Component, Engine, Policy

if TYPE_CHECKING:
    from funcnodes_core import Shelf
    from funcnodes_worker import Worker

    from .._native import WorkerClass
    from .sandbox import Sandbox

#: What distinguishes one version of the file and its policy from another.
Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Place:
    """Where a file with external workers is, and the name of the module that it is in the Worker."""

    name: str
    path: Path
    origin: str

    def policy(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.policy.toml")

    def stamp(self) -> Stamp:
        """Another one when the file or its policy changed."""
        return (_stamp(self.path), _stamp(self.policy()))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


@dataclass
class Source:
    """A file that was taken in. Its version may change; what instances there are go on."""

    place: Place
    component: Component
    worker_ref: weakref.ref[Worker]
    #: The classes that external workers may be made of, and libraries, by their id.
    classes: dict[str, WorkerClass] = field(default_factory=dict)
    #: Guests that began before the Worker makes their external workers, each with its shelf, by class id and uuid.
    prepared: dict[tuple[str, str], tuple[Sandbox, Shelf | None]] = field(default_factory=dict)
    #: Tasks that nobody waits for.
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.take(self.component)

    def take(self, component: Component) -> None:
        """Another version of the file. A class that it has no more is kept, for the instances that there are."""
        self.component = component
        self.classes.update({found.id: found for found in component.classes})

    @property
    def offered(self) -> dict[str, WorkerClass]:
        """The classes of the newest version."""
        return {found.id: found for found in self.component.classes}

    @property
    def worker(self) -> Worker | None:
        return self.worker_ref()

    @property
    def log(self) -> logging.Logger:
        """The log of the Worker."""
        worker = self.worker
        return FUNCNODES_LOGGER if worker is None else worker.logger

    def spawn(self, make: Any) -> asyncio.Task[Any]:
        """A task that nobody waits for; what goes wrong is logged."""

        async def logged() -> None:
            try:
                await make
            except Exception as error:
                self.log.error("%s: %s", self.place.name, error)

        task = asyncio.get_running_loop().create_task(logged())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def tell(self, line: str, status: str = "error") -> None:
        """A line in the status bar of the web UI."""
        worker = self.worker
        if worker is not None:
            with contextlib.suppress(Exception):
                await worker.set_progress_state(message=line, status=status, progress=1, blocking=False)

    async def changed(self) -> None:
        """Clients look again at what external workers there are."""
        worker = self.worker
        if worker is not None:
            worker.request_save()
            await worker.worker_event("external_worker_update")


async def load(place: Place) -> Component:
    """Reads, compiles and describes a file, under the policy that is beside it."""
    engine = await asyncio.to_thread(Engine.default)
    policy = await asyncio.to_thread(Policy.beside, place.path)
    return await Component.load(place.path, policy=policy, engine=engine)
