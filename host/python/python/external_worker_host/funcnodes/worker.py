"""The external worker that FuncNodes sees: an object on its asyncio loop, whose work is done by a guest in a sandbox.

FuncNodes makes it synchronously, so the guest only begins here; what it is asked meanwhile waits for its start. What
fails never fails FuncNodes: an external worker without a guest is there, can be configured, and says why it does
nothing.
"""

from __future__ import annotations

import asyncio
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from funcnodes_core import Encdata, JSONEncoder, Shelf
from funcnodes_core.eventmanager import MessageInArgs
from funcnodes_worker import FuncNodesExternalWorker

from . import values
from .config import SandboxedConfig
from .pump import listen
from .sandbox import Sandbox

if TYPE_CHECKING:
    from .source import Source

#: How long FuncNodes may still look for an external worker that has ended.
FORGET_S = 2.0


class SandboxedWorker(FuncNodesExternalWorker):
    """An external worker whose code cannot harm the Worker. Each class of a component is a class of its own."""

    IS_ABSTRACT = True
    config_cls = SandboxedConfig

    #: The title of the class in the web UI.
    NAME: ClassVar[str]
    source: ClassVar[Source]

    def __init__(
        self,
        workerid: str,
        config: Any = None,
        data_path: str | Path | None = None,
        name: str | None = None,
    ) -> None:
        older = FuncNodesExternalWorker.RUNNING_WORKERS.get(self.NODECLASSID, {}).get(workerid)
        prepared = self.source.prepared.pop((self.NODECLASSID, workerid), None)
        folder = Path(data_path) if data_path else None
        self.sandbox, shelf = prepared or (Sandbox(self.source, self.NODECLASSID, workerid, folder, False), None)
        self._ending: asyncio.Task[None] | None = None
        self._replaced = asyncio.Event()
        super().__init__(workerid, None, str(folder) if folder else None, name)
        self._logger = self.source.log
        self._nodeshelf = shelf
        self._node_classes = cast(Any, self.sandbox.methods())
        self._nodes_created = True
        # A save in the same moment would leave it out otherwise.
        self._running = True
        if isinstance(older, SandboxedWorker):
            older.retire()
        if prepared is None and not self.sandbox.begin(_plain(config), self.name):
            self.source.spawn(self._tell(f"it does not start: {self.sandbox.problem}"))

    # What FuncNodes reads.

    @classmethod
    def get_all_nodefunctions(cls) -> list[Any]:
        """Nodes are made of what the component says."""
        return []

    @classmethod
    def running_instances(cls) -> list[Any]:
        """Those of this Worker: another one in the same process may have a class of this id, too. What is not sandboxed
        is left in, since FuncNodes saves what the last of two classes of one id says."""
        running = super().running_instances()
        return [found for found in running if isinstance(found, cls) or not isinstance(found, SandboxedWorker)]

    @classmethod
    def own_instances(cls) -> list[SandboxedWorker]:
        """Those that are of this class itself."""
        return [found for found in super().running_instances() if isinstance(found, cls)]

    @property
    def name(self) -> str:
        return self._name or f"{self.NAME}({self.uuid})"

    @name.setter
    def name(self, value: str | None) -> None:
        self._name = value
        if self.sandbox.guest is not None:
            self.sandbox.guest.name = self.name

    @property
    def config(self) -> SandboxedConfig:
        return cast(SandboxedConfig, self.config_cls).of(self.sandbox.values, self.sandbox.public_values)

    @property
    def _paused(self) -> bool:
        guest = self.sandbox.guest
        return guest is not None and guest.status.paused

    @_paused.setter
    def _paused(self, _: bool) -> None:
        """FuncNodes sets it when it makes the object."""

    @property
    def _delay(self) -> float:
        guest = self.sandbox.guest
        return self.sandbox.definition.loop_delay if guest is None else guest.status.loop_delay

    @_delay.setter
    def _delay(self, _: float) -> None:
        """FuncNodes sets it when it makes the object."""

    def serialize(self, export: bool = False) -> Any:
        config = self.config
        return {
            "uuid": self.uuid,
            "nodeclassid": self.NODECLASSID,
            "running": self.running and self.sandbox.is_alive,
            "name": self.name,
            "config": config.exportable_dict() if export else config.model_dump(),
        }

    # What FuncNodes asks for.

    def pause(self) -> None:
        if self.sandbox.guest is not None:
            self.sandbox.guest.pause()

    def resume(self) -> None:
        if self.sandbox.guest is not None:
            self.sandbox.guest.resume()

    def update_config(self, config: Any = None) -> None:
        """Begins to change the configuration. `change_config` also tells whether it was accepted."""
        if config is not None:
            self.source.spawn(self.change_config(_plain(config)))

    async def change_config(self, patch: dict[str, Any]) -> None:
        """Merges `patch` into the configuration. A guest that has ended starts again with it."""
        guest = self.sandbox.guest
        if guest is not None and self.sandbox.is_alive:
            await guest.update_config(patch)
        else:
            if not self.sandbox.begin({**self.sandbox.values, **patch}, self.name):
                raise ValueError(self.sandbox.problem)
            self._replaced.set()
            assert self.sandbox.guest is not None
            await self.sandbox.guest.started()
        await self.source.changed()

    async def call(self, method: str, /, **inputs: Any) -> Any:
        """Calls a method from Python. Where it says so, or has no inputs, its nodes run, too."""
        guest = self.sandbox.guest
        if guest is None:
            raise RuntimeError(self.sandbox.problem)
        answer = await (await values.converted(inputs.values(), lambda: guest.call(method, inputs)))
        said = next((it for it in self.sandbox.definition.methods if it.name == method), None)
        if said is not None:
            has_inputs = any(not port.hidden for port in said.inputs)
            if said.trigger_on_call if said.trigger_on_call is not None else not has_inputs:
                for node in self.sandbox.nodes_of(method):
                    node.request_trigger()
        return answer

    async def swap(self) -> None:
        """Goes on with the newest version of the file."""
        if self.NODECLASSID not in self.source.offered:
            self._logger.warning("%s: its class is not in the new version; the old one goes on", self.name)
            return
        if await self.sandbox.swap(self.name):
            self._node_classes = cast(Any, self.sandbox.methods())
            self._replaced.set()
            self.emit("nodes_update")
            await self.source.changed()

    async def continuous_run(self) -> None:
        """Listens to the guest, which has its loop in the sandbox."""
        self._running = True
        await listen(self, self._replaced, lambda: self._running)

    async def loop(self) -> None:
        """Its turns are in the sandbox."""

    async def stop(self) -> None:
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        try:
            await asyncio.shield(self._ending)
        except asyncio.CancelledError:
            if self.sandbox.guest is not None:
                self.sandbox.guest.kill("it did not stop in time")
            raise

    async def _end(self) -> None:
        worker = self.source.worker
        # A Worker that ends keeps its external workers, and what they keep.
        is_removal = worker is not None and worker.is_running()
        self.emit("stopping")
        self.cleanup()
        try:
            await self.sandbox.end(is_removal)
        finally:
            self._forget()

    def retire(self) -> None:
        """Ends quietly: another object has taken its place."""
        self._ending = self.source.spawn(self.sandbox.end(False))
        self.sandbox.clean_nodes()
        self._forget()

    def _forget(self) -> None:
        self._running = False
        self._nodeshelf = None
        self.manager = None
        self._stopped = True
        known, uuid = FuncNodesExternalWorker.RUNNING_WORKERS.get(self.NODECLASSID, {}), self.uuid
        weak = weakref.ref(self)

        def forget() -> None:
            if known.get(uuid) is weak():
                known.pop(uuid, None)

        asyncio.get_running_loop().call_later(FORGET_S, forget)

    def cleanup(self) -> None:
        sandbox = getattr(self, "sandbox", None)
        if sandbox is not None:
            sandbox.clean_nodes()
        if hasattr(self, "_node_classes"):
            super().cleanup()

    # What its guest tells.

    def label(self) -> str:
        return self.name

    async def started(self) -> None:
        await self._read_shelf(always=False)
        await self.source.changed()

    async def nodes_update(self) -> None:
        await self._read_shelf(always=True)

    async def _read_shelf(self, always: bool) -> None:
        guest = self.sandbox.guest
        if guest is None:
            return
        before = self._nodeshelf
        shelf = one_shelf([self.sandbox.shelf(it) for it in await guest.shelves() or []], self.NAME)
        if not self._running or (shelf == before and not always):
            return
        self._nodeshelf = before if shelf == before else shelf
        self.emit("nodes_update")

    def config_said(self) -> None:
        self.source.spawn(self.source.changed())

    def emitted(self, event: str, data: Any) -> None:
        self.emit(event, MessageInArgs(src=self, data=data))

    def ended(self, reason: str) -> None:
        if reason == "it was stopped" and self._ending is None:
            # It stopped itself, and goes as an external worker does that calls `stop`.
            self.source.spawn(self.stop())
        else:
            self.source.spawn(self.source.changed())

    async def _tell(self, message: str) -> None:
        line = f"{self.name}: {message}"
        self._logger.error("%s", line)
        await self.source.tell(line)


def one_shelf(shelves: list[Shelf], title: str) -> Shelf | None:
    """FuncNodes has one shelf for an external worker, and a guest may have several."""
    return shelves[0] if len(shelves) == 1 else Shelf(name=title, subshelves=shelves) if shelves else None


def _plain(config: Any) -> dict[str, Any]:
    return config.model_dump() if hasattr(config, "model_dump") else dict(config or {})


def _encode(worker: Any, _is_preview: bool = False) -> Encdata:
    """As clients and the Worker's configuration see it, which is a part of exports: without secrets."""
    if not isinstance(worker, SandboxedWorker):
        return Encdata(data=worker, handeled=False)
    return Encdata(data=worker.serialize(export=True), handeled=True, done=True)


JSONEncoder.add_encoder(_encode, [SandboxedWorker])
