"""One guest and the nodes that are its own: what an external worker and a node library have in common.

A guest may be replaced under its nodes: by a new start with another configuration, or by a new version of its file.
Nothing here ever waits for a guest on the thread of the asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import uuid as uuids
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from funcnodes_core import Shelf

from .._errors import Ended, SandboxError
from . import values
from .nodes import SandboxedNode, replace, same_or_new

if TYPE_CHECKING:
    from .._native import Instance, NodeClass, Pending, WorkerClass
    from .._native import Shelf as GuestShelf
    from .source import Source

#: How long a guest may take to say what it keeps, when the Worker ends.
SAVE_S = 0.5
#: Capabilities of which only one guest can have the same thing.
_EXCLUSIVE = frozenset({"serial", "device"})


class Sandbox:
    """A guest, its nodes, and where its files are."""

    def __init__(self, source: Source, class_id: str, uuid: str, folder: Path | None, is_library: bool) -> None:
        self.source, self.class_id, self.uuid = source, class_id, uuid
        self.is_library = is_library
        self.guest: Instance | None = None
        #: Why there is no guest.
        self.problem = "it was not started"
        #: What it was to be configured with, for as long as the host has not accepted it.
        self.wanted: dict[str, Any] = {}
        self.nodes: weakref.WeakValueDictionary[str, SandboxedNode] = weakref.WeakValueDictionary()
        self.classes: dict[str, type[SandboxedNode]] = {}
        self._folder = folder if folder is not None and _is_plain(uuid) else None
        self._shown: set[str] = set()

    @property
    def definition(self) -> WorkerClass:
        """What the newest version of the file says of the class."""
        return self.source.classes[self.class_id]

    # The guest.

    def begin(self, config: dict[str, Any] | None, name: str | None, state: bytes | None = None) -> bool:
        """Begins a guest, and does not wait for it. Whether there is one; `problem` says why there is none."""
        self.wanted = dict(config or {})
        try:
            self.guest = self.make(config, name, state)
        except Exception as error:
            self.guest, self.problem = None, _sentence(error)
            return False
        self.attach_all()
        return True

    def attach_all(self) -> None:
        """The nodes are those of the guest that is there now."""
        for node in list(self.nodes.values()):
            self.attach(node)

    async def swap(self, name: str | None) -> bool:
        """Puts the newest version of the file in the place of the guest, with its configuration and state. Whether it
        is there; if it does not start, the old one goes on."""
        old = self.guest
        if old is None or not self.is_alive:
            return self.begin(self.values, name)
        state = await self.keep_state(old)
        try:
            new = await self._beside(old, name, state)
        except Exception as error:
            self.source.log.error("%s: the new version does not start, the old one goes on: %s", name, _sentence(error))
            return False
        if self.guest is not old:
            new.kill("it was stopped meanwhile")
            return False
        self.guest = new
        self.attach_all()
        self.renew_nodes()
        if self.guest is new:
            await old.stop()
        return True

    async def _beside(self, old: Instance, name: str | None, state: bytes | None) -> Instance:
        """A new guest that has started: beside the old one, or in its place where they want the same device."""
        new = self.make(self.values, name, state)
        try:
            await new.started()
            return new
        except SandboxError:
            new.kill("it did not start")
            if not _EXCLUSIVE.intersection(old.component.requests):
                raise
        config = old.config
        await old.stop()
        new = self.make(config, name, state)
        try:
            await new.started()
        except SandboxError:
            new.kill("it did not start")
            if self.guest is old:
                self.guest = old.component.begin(
                    self.class_id, config=config, uuid=_uuid(self.uuid), name=name, state=state, folder=self._data
                )
                self.attach_all()
            raise
        return new

    def make(self, config: dict[str, Any] | None, name: str | None, state: bytes | None = None) -> Instance:
        """A guest that begins."""
        return self.source.component.begin(
            self.class_id,
            config=config or {},
            uuid=_uuid(self.uuid),
            name=name,
            state=self.kept_state() if state is None else state,
            folder=self._data,
        )

    @property
    def _data(self) -> Path | None:
        return None if self._folder is None else self._folder / "data"

    @property
    def values(self) -> dict[str, Any]:
        """The configuration in force, or that which was not accepted."""
        if self.guest is None or self.guest.public_config is None:
            return self.wanted
        return self.guest.config

    @property
    def public_values(self) -> dict[str, Any]:
        """The configuration without secrets: nothing, as long as nobody knows which they are."""
        public = None if self.guest is None else self.guest.public_config
        return public if isinstance(public, dict) else {}

    @property
    def is_alive(self) -> bool:
        return self.guest is not None and self.guest.status.state != "ended"

    async def end(self, is_removal: bool) -> None:
        """Stops the guest. What it keeps is kept, unless it is removed."""
        guest, self.guest = self.guest, None
        self.problem = "it was stopped"
        if guest is not None:
            if not is_removal:
                await self.keep_state(guest)
            try:
                await guest.stop()
            except asyncio.CancelledError:
                guest.kill("it did not stop in time")
                raise
            except SandboxError as error:
                self.source.log.warning("%s: %s", self.uuid, error)
        if is_removal and self._folder is not None:
            await asyncio.to_thread(_forget, self._folder)

    # What it keeps from one start of the Worker to the next.

    def kept_state(self) -> bytes | None:
        if self._folder is None or not self.source.component.keeps_state:
            return None
        with contextlib.suppress(OSError):
            return (self._folder / "state").read_bytes()
        return None

    async def keep_state(self, guest: Instance) -> bytes | None:
        """Asks it for what another instance goes on from, and writes that down."""
        if not guest.component.keeps_state or guest.status.state == "ended":
            return None
        try:
            state = await asyncio.wait_for(_awaited(guest.save()), SAVE_S)
        except (SandboxError, TimeoutError) as error:
            self.source.log.warning("%s: its state is lost: %s", self.uuid, _sentence(error))
            return None
        if state is not None and self._folder is not None:
            await asyncio.to_thread(_write, self._folder, state)
        return state

    # Its nodes.

    def node_class(self, node: NodeClass, path: str) -> type[SandboxedNode] | None:
        """The class of the nodes of a method, or of a node on a shelf."""
        own = self.class_id if self.is_library else f"{self.class_id}.{self.uuid}"
        made = same_or_new(self.classes.get(path), self, node, path, f"{own}.{path}")
        if made is not None:
            self.classes[path] = made
        return made

    def methods(self) -> dict[str, type[SandboxedNode]]:
        made = {method.name: self.node_class(method, method.name) for method in self.definition.methods}
        return {name: node for name, node in made.items() if node is not None}

    def renew_nodes(self) -> None:
        """Nodes of a method that changed become those of the new one."""
        for path, method in self.methods().items():
            for node in self.nodes_of(path):
                if type(node) is not method:
                    replace(node, method)

    def shelf(self, shelf: GuestShelf, depth: int = 0) -> Shelf:
        """A shelf of the guest with all that is on it."""
        nodes = (self.node_class(node, f"{shelf.path}/{node.name}") for node in shelf.nodes)
        below = [] if depth > 32 else [self.shelf(it, depth + 1) for it in shelf.subshelves]
        return Shelf(
            name=shelf.name or "shelf",
            description=shelf.description or "",
            nodes=[node for node in nodes if node is not None],
            subshelves=below,
        )

    def attach(self, node: SandboxedNode) -> None:
        """A node came into a graph."""
        self.nodes[node.uuid] = node
        if self.guest is None:
            return
        weak = weakref.ref(node)

        def read(name: str) -> Any:
            there = weak()
            return None if there is None else there.value_of(name)

        try:
            node.begin_with(self.guest.attach(node.path, node.uuid, read))
        except Exception as error:
            self.source.log.debug("%s: %s", node.uuid, error)

    def detach(self, node: SandboxedNode, uuid: str) -> None:
        """A node left its graph."""
        if self.nodes.get(uuid) is node:
            del self.nodes[uuid]
        if self.guest is not None:
            self.guest.detach(uuid)

    def nodes_of(self, method: str) -> list[SandboxedNode]:
        return [node for node in list(self.nodes.values()) if node.path == method]

    async def run(self, node: SandboxedNode, inputs: dict[str, Any]) -> dict[str, Any]:
        """Runs a node in the guest, with the values in force at its inputs."""
        guest = self.guest
        if guest is None:
            raise Ended(f"its external worker does not run: {self.problem}")
        uuid = node.uuid

        def begin() -> Pending[dict[str, Any]]:
            return guest.call_as(uuid, node.path, node.all_for_guest(inputs))

        try:
            return await (await values.converted(inputs.values(), begin))
        finally:
            if uuid in self._shown:
                self._shown.discard(uuid)
                node.show_progress(None, "idle", 0.0)

    def show_progress(self, uuid: str, fraction: float, message: str, elapsed: float) -> None:
        node = self.nodes.get(uuid)
        if node is not None and node.in_trigger:
            self._shown.add(uuid)
            node.show_progress(min(max(fraction, 0.0), 1.0), message, elapsed)

    def clean_nodes(self) -> None:
        """Removes its nodes from their graph."""
        for node in list(self.nodes.values()):
            node.cleanup()


async def _awaited(pending: Any) -> Any:
    return await pending


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _is_plain(uuid: str) -> bool:
    """Whether it may be the name of a folder. FuncNodes takes any text for one from an import."""
    return bool(uuid) and all(letter.isalnum() or letter in "-_" for letter in uuid)


def _uuid(text: str) -> str:
    """The host wants a uuid, FuncNodes takes any text for one."""
    try:
        return uuids.UUID(text).hex
    except ValueError:
        return uuids.uuid5(uuids.NAMESPACE_OID, text).hex


def _write(folder: Path, state: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "state.new"
    new.write_bytes(state)
    new.replace(folder / "state")


def _forget(folder: Path) -> None:
    (folder / "state").unlink(missing_ok=True)
    shutil.rmtree(folder / "data", ignore_errors=True)
