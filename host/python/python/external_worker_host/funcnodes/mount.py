"""Keeps one Worker's external worker classes the same as the files that there are, while it runs.

A new file is a new class. A changed one, or one whose policy changed, is put behind the external workers that there
are; a broken one changes nothing and is reported. When a file is gone nothing new can be made of it, and what runs
goes on.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections import Counter
from pathlib import Path
from typing import Any
from weakref import WeakSet

from funcnodes_core.node import PlaceHolderNode
from funcnodes_worker import CustomLoop, FuncNodesExternalWorker, Worker

from .._errors import SandboxError
from .._native import Component, WorkerClass
from . import discovery
from .config import config_class
from .library import Library
from .rpc import wrap_commands
from .sandbox import Sandbox
from .source import Place, Source, Stamp, load
from .worker import SandboxedWorker, one_shelf

FOLDER = "local_workers"
#: Seconds between two looks. A file is taken in when it did not change from one look to the next.
LOOK_S = 1.0
#: How long a load of a Worker waits for guests whose shelves its nodes may be from.
START_S = 15.0
#: Files that are loaded at once.
LOADS = 2
#: Classes that one line names.
NAMED = 5


class Mount:
    """The external worker classes of one Worker that run in sandboxes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = weakref.ref(worker)
        self.folder = Path(worker.data_path) / FOLDER
        self.sources: dict[str, Source] = {}
        #: Those whose file is gone, for as long as something of them runs.
        self._parted: dict[str, Source] = {}
        self.types: dict[str, type[SandboxedWorker]] = {}
        self.libraries: dict[str, Library] = {}
        #: Those of libraries that are gone, for the nodes that there are, by class id.
        self._left: dict[str, Sandbox] = {}
        #: The last version of each file that was taken in or refused, and those that may be still being written.
        self._known: dict[str, tuple[Path, Stamp]] = {}
        #: Class ids that another package came with later.
        self._doubled: set[str] = set()
        self._new: dict[str, Stamp] = {}
        self._lock = asyncio.Lock()
        self._loading = asyncio.Semaphore(LOADS)
        self._watch: Watch | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the Worker has loaded what it saved."""
        return self._watch is not None

    @property
    def worker(self) -> Worker:
        worker = self._worker()
        if worker is None:
            raise RuntimeError("the Worker is not there any more")
        return worker

    # A load of the Worker.

    async def before_load(self, data: Any) -> None:
        """The classes are there, and guests have started whose shelves are needed to make the nodes of the graph."""
        wrap_commands(self.worker)
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        await self.look(is_first=True)
        begun = [library.ready.wait() for library in self.libraries.values()]
        begun += [self._begin(*saved) for saved in await self._saved(data)]
        if begun:
            await asyncio.wait([asyncio.ensure_future(it) for it in begun], timeout=START_S)

    async def after_load(self) -> None:
        """Says what is missing, and watches the files from now on."""
        for source in self.sources.values():
            while source.prepared:
                _, (sandbox, _) = source.prepared.popitem()
                await sandbox.end(False)
        missing = Counter(
            node.node_id.partition(".")[0]
            for node in self.worker.nodespace.nodes
            if isinstance(node, PlaceHolderNode)
        )
        if missing:
            await self._tell(_missing(missing))
        if self._watch is None:
            self._watch = Watch(self)
            self.worker.loop_manager.add_loop(self._watch)

    async def _saved(self, data: Any) -> list[tuple[str, dict[str, Any]]]:
        """Instances of sandboxed classes in what the Worker is about to load."""
        if data is None:
            data = await asyncio.to_thread(_text, self.worker.local_nodespace)
        try:
            saved = json.loads(data) if isinstance(data, str) else data
            by_class = saved.get("external_workers", {}).items()
            return [
                (class_id, instance)
                for class_id, instances in by_class
                if class_id in self.types
                for instance in instances
                if isinstance(instance, dict) and isinstance(instance.get("uuid"), str)
            ]
        except (AttributeError, TypeError, ValueError):
            return []

    async def _begin(self, class_id: str, saved: dict[str, Any]) -> None:
        made, uuid = self.types[class_id], saved["uuid"]
        older = FuncNodesExternalWorker.RUNNING_WORKERS.get(class_id, {}).get(uuid)
        if isinstance(older, SandboxedWorker):
            older.retire()
        folder = Path(self.worker.data_path) / "external_workers" / uuid
        sandbox = Sandbox(made.source, class_id, uuid, folder, False)
        config, name = saved.get("config"), saved.get("name")
        sandbox.begin(config if isinstance(config, dict) else {}, name if isinstance(name, str) else None)
        made.source.prepared[class_id, uuid] = (sandbox, None)
        if sandbox.guest is None:
            return
        try:
            await sandbox.guest.started()
            shelves = await sandbox.guest.shelves() or []
        except SandboxError:
            return  # Its end is an event, which is told when its external worker is there.
        if (class_id, uuid) in made.source.prepared:
            shelf = one_shelf([sandbox.shelf(it) for it in shelves], made.NAME)
            made.source.prepared[class_id, uuid] = (sandbox, shelf)

    # Files.

    async def look(self, is_first: bool = False) -> None:
        """Takes in what is new or has changed."""
        async with self._lock:
            found = await asyncio.to_thread(_found, self.folder)
            changed = []
            for name, (place, stamp) in found.items():
                if self._known.get(name) == (place.path, stamp):
                    continue
                if is_first or self._new.get(name) == stamp:
                    self._new.pop(name, None)
                    self._known[name] = (place.path, stamp)
                    changed.append(place)
                else:
                    self._new[name] = stamp
            for name in [name for name in self._known if name not in found]:
                del self._known[name]
                if name in self.sources:
                    await self._gone(self.sources[name])
            if is_first and changed:
                await self._tell_all("Loading sandboxed workers", "info", 0.0)
            loaded = await asyncio.gather(*(self._load(place) for place in changed))
            if is_first and changed:
                await self._tell_all("Sandboxed workers loaded", "success", 1.0)
            for place, component in zip(changed, loaded):
                if component is not None:
                    await self._take(place, component)
            await self._tell_doubled()

    async def _tell_doubled(self) -> None:
        """A package that is added later may have a class of the same id, and FuncNodes takes it."""
        for other in self.worker.local_worker_lookup_loop.worker_classes:
            class_id = other.NODECLASSID
            if class_id in self.types and not issubclass(other, SandboxedWorker) and class_id not in self._doubled:
                self._doubled.add(class_id)
                module = self.types[class_id].source.place.name
                await self._tell(f"`{class_id}` is a class of `{module}` and of {other.__module__}: remove one of them")

    async def _load(self, place: Place) -> Component | None:
        async with self._loading:
            try:
                return await load(place)
            except Exception as error:
                kept = "; the version before goes on" if place.name in self.sources else ""
                await self._tell(f"{place.path.name} is not taken in{kept}: {error}")
                return None

    async def _take(self, place: Place, component: Component) -> None:
        source = self.sources.get(place.name) or self._parted.pop(place.name, None)
        if source is None:
            if place.name in self.worker._worker_dependencies:
                return await self._tell(f"{place.path} is not taken in: there is a module `{place.name}` already")
            source = self.sources[place.name] = Source(place, component, self._worker)
        else:
            self.sources[place.name], source.place = source, place
            source.take(component)
        offered = [found for found in component.classes if await self._is_free(found, source)]
        self._offer(source, [found for found in offered if not found.is_library])
        await self._swap(source)
        await self._libraries(source, {found.id for found in offered if found.is_library})
        await self.worker.worker_event("external_worker_update")
        self.worker.logger.info(
            "%s: %s of %s", place.name, ", ".join(found.id for found in offered) or "no class", place.origin
        )

    async def _is_free(self, found: WorkerClass, source: Source) -> bool:
        """Whether a class id is nobody else's in this Worker."""
        library, mine = self.libraries.get(found.id), self.types.get(found.id)
        holders = [library.source.place.name] if library is not None and library.source is not source else []
        if mine is not None and mine.source is not source:
            is_kept = found.id in mine.source.offered and self.sources.get(mine.source.place.name) is mine.source
            holders += [mine.source.place.name] if is_kept or mine.own_instances() else []
        for other in self.worker.local_worker_lookup_loop.worker_classes:
            if other.NODECLASSID == found.id and not issubclass(other, SandboxedWorker):
                holders.append(other.__module__)
        for instance in list(FuncNodesExternalWorker.RUNNING_WORKERS.get(found.id, {}).values()):
            if not isinstance(instance, SandboxedWorker):
                holders.append(type(instance).__module__)
        if holders:
            line = f"the class `{found.id}` of {source.place.path} is left out: {holders[0]} has one of this id"
            await self._tell(line)
        return not holders

    def _offer(self, source: Source, classes: list[WorkerClass]) -> None:
        """The classes are in the Worker's list of those that instances can be made of."""
        lookup = self.worker.local_worker_lookup_loop
        entries = []
        for found in classes:
            made = self.types.get(found.id)
            if made is None or made.source is not source:
                if made in lookup.worker_classes:
                    lookup.worker_classes.remove(made)
                made = self.types[found.id] = _class_of(source, found)
            made.NAME, made.__doc__ = found.title, found.description
            made.config_cls = config_class(found.id, found.config_schema, found.export_exclude)
            if made not in lookup.worker_classes:
                lookup.worker_classes.append(made)
            entry = {"module": made.__module__, "class_name": found.id, "name": found.title}
            entries.append({**entry, "_classref": made, "instances": WeakSet(made.running_instances())})
        known = self.worker._worker_dependencies
        if entries:
            known[source.place.name] = {"module": source.place.name, "worker_classes": entries}
        else:
            known.pop(source.place.name, None)

    async def _swap(self, source: Source) -> None:
        """The new version is put behind what there is of the old one."""
        made = [it for it in self.types.values() if it.source is source]
        behind = [instance for it in made for instance in it.own_instances()]
        behind = [it for it in behind if it.sandbox.guest is None or it.sandbox.guest.component is not source.component]
        await asyncio.gather(*(it.swap() for it in behind))

    async def _libraries(self, source: Source, wanted: set[str]) -> None:
        for class_id, library in list(self.libraries.items()):
            if library.source is not source:
                continue
            if class_id in wanted:
                await library.swap()
            else:
                del self.libraries[class_id]
                await library.close()
                self._left[class_id] = library.sandbox
        for class_id in sorted(wanted - self.libraries.keys()):
            left = self._left.pop(class_id, None)
            self.libraries[class_id] = Library(source, class_id, self.libraries.values(), left)

    async def _gone(self, source: Source) -> None:
        name, lookup = source.place.name, self.worker.local_worker_lookup_loop
        del self.sources[name]
        self.worker._worker_dependencies.pop(name, None)
        for made in [it for it in self.types.values() if it.source is source]:
            if made.own_instances():
                self._parted[name] = source
                continue
            del self.types[made.NODECLASSID]
            if made in lookup.worker_classes:
                lookup.worker_classes.remove(made)
        await self._libraries(source, set())
        self.worker.logger.warning("%s is gone; its external workers go on", source.place.path)
        await self.worker.worker_event("external_worker_update")

    async def _tell(self, line: str) -> None:
        self.worker.logger.error("%s", line)
        await self._tell_all(line, "error", 1.0)

    async def _tell_all(self, line: str, status: str, progress: float) -> None:
        """A line in the status bar of the web UI."""
        await self.worker.set_progress_state(message=line, status=status, progress=progress, blocking=progress < 1)

    async def close(self) -> None:
        """The Worker ends."""
        await asyncio.gather(*(library.close() for library in self.libraries.values()))
        self.libraries.clear()


class Watch(CustomLoop):
    """Looks at the files again and again, among the other loops of the Worker."""

    def __init__(self, mount: Mount) -> None:
        super().__init__(LOOK_S)
        self._mount = mount

    async def loop(self) -> None:
        try:
            await self._mount.look()
        except Exception as error:
            self._mount.worker.logger.error("%s: %s", self._mount.folder, error)

    async def stop(self) -> None:
        await self._mount.close()
        await super().stop()


def _class_of(source: Source, found: WorkerClass) -> type[SandboxedWorker]:
    body = {
        "__module__": f"sandboxed.{source.place.name}",
        "NODECLASSID": found.id,
        "NAME": found.title,
        "IS_ABSTRACT": False,
        "source": source,
    }
    return type(found.id, (SandboxedWorker,), body)


def _found(folder: Path) -> dict[str, tuple[Place, Stamp]]:
    return {name: (place, place.stamp()) for name, place in discovery.everything(folder).items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return "{}"


def _missing(classes: Counter[str]) -> str:
    count = classes.total()
    nodes = "1 node is a placeholder" if count == 1 else f"{count} nodes are placeholders"
    named = ", ".join(f"`{name}` ({nodes})" for name, nodes in classes.most_common(NAMED))
    more = len(classes) - NAMED
    return f"classes are missing, and {nodes}: {named}" + (f" and {more} more" if more > 0 else "")
