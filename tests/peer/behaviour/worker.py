"""A Worker that has the scripts of this suite, and what a case does with it: instances, nodes, values.

The same on both peers, and every wait is for something that is seen, within a limit.
"""

import asyncio
import contextlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from client import Binary, Client, RemoteError
from peers import Peer, class_of

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE / "scripts"
# What comes, comes within this; what does not is a failure, and what FuncNodes never does costs as much.
PATIENCE_S = {"python": 10.0, "ewh": 20.0}
NO_VALUE = "<NoValue>"

WRAPPER = """
import importlib.util, inspect, sys
from funcnodes_worker import FuncNodesExternalWorker as Base

spec = importlib.util.spec_from_file_location({name!r}, {path!r})
module = sys.modules[{name!r}] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == {name!r}]
WORKERS = getattr(module, "FUNCNODES_WORKER_CLASSES", None) or [
    c for c in found if issubclass(c, Base) and not c.IS_ABSTRACT
]
"""


class ScriptPeer(Peer):
    """A Worker with the scripts `names`: as files in `local_workers` here, there as modules with an entry point, since
    FuncNodes lists no class of a file in `local_scripts`. With `local` they are in its `local_scripts` all the same."""

    def __init__(self, kind: str, data: str, options: Any, names: list[str], *, local: bool = False) -> None:
        super().__init__(kind, data, options)
        self.names, self.local = names, local
        self.folder = pathlib.Path(data, "worker/local_scripts" if kind == "python" else "local_workers")
        self.site = pathlib.Path(data, "site")

    async def install(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.names:
            if self.kind == "python" and not self.local:
                self._as_module(name)
            else:
                shutil.copy(SCRIPTS / f"{name}.py", self.folder)
            policy = SCRIPTS / f"{name}.toml"
            if policy.exists():
                policies = pathlib.Path(self.data, "policies")
                policies.mkdir(exist_ok=True)
                shutil.copy(policy, policies)

    def _as_module(self, name: str) -> None:
        about = self.site / f"case_{name}-0.1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: case-{name}\nVersion: 0.1.0\n")
        module = f"case_{name}"
        entry = f"[funcnodes.module]\nmodule = {module}\nexternal_worker = {module}:WORKERS\n"
        (about / "entry_points.txt").write_text(entry)
        wrapper = WRAPPER.format(name=name, path=str(SCRIPTS / f"{name}.py"))
        (self.site / f"{module}.py").write_text(wrapper)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.site)}

    async def _activate(self) -> None:
        if self.kind == "python" and not self.local:
            async with Client(self.url) as client:
                for name in self.names:
                    await client.call("add_package_dependency", name=f"case-{name}")


class Worker:
    """What cases talk to."""

    def __init__(self, peer: ScriptPeer) -> None:
        self.peer = peer
        self.kind = peer.kind
        # FuncNodes looks at its folder every 5 s; the first script here may have to wait for the runtime's compilation.
        self.discovery_s = 60.0 if peer.kind == "ewh" else 8.0 if peer.local else 0.0
        self.client: Client
        self.missed: set[str] = set()

    async def connect(self) -> None:
        self.client = await Client(self.peer.url).__aenter__()

    async def disconnect(self) -> None:
        await self.client.__aexit__()

    async def restart(self) -> None:
        """Saves, ends the Worker as an operator does, and starts it on the same data."""
        await self.client.call("save")
        await self.disconnect()
        await self.peer.stop()
        await self.peer.start()
        await self.connect()

    def drop(self, name: str, text: str) -> None:
        """A file that appears, or is edited, in the folder of scripts: whole or not at all."""
        fresh = self.peer.folder / f".{name}.part"
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text)
        fresh.replace(self.peer.folder / name)

    async def eventually(
        self, read: Callable[[], Awaitable[Any]], wanted: Any, what: str, within: float | None = None
    ) -> None:
        """Waits until `read` gives `wanted`: that itself, or what makes it true if it can be called."""
        end = time.monotonic() + (PATIENCE_S[self.kind] if within is None else within)
        while True:
            seen = await read()
            if wanted(seen) if callable(wanted) else same(seen, wanted):
                return
            if time.monotonic() > end:
                expected = "what was waited for" if callable(wanted) else repr(wanted)
                raise AssertionError(f"{what}: {seen!r}, not {expected}")
            await asyncio.sleep(0.02)

    # Classes and instances

    async def classes(self) -> dict[str, dict[str, Any]]:
        """Every class there is, by what a person reads."""
        modules = await self.client.call("get_worker_dependencies")
        return {found["name"]: found for module in modules for found in module["worker_classes"]}

    async def add(self, title: str) -> "Instance":
        """A new instance of the class that is called so."""
        where = await self._class(title)
        made = await self.client.call("add_external_worker", **where)
        instance = Instance(self, title, made["nodeclassid"], made["uuid"], made)
        await self.eventually(instance.is_running, True, "it runs")
        return instance

    async def _class(self, title: str) -> dict[str, Any]:
        await self.appears(title)
        return await class_of(self.client, title)

    async def appears(self, title: str) -> None:
        """Waits until the class is listed. What was waited for in vain is not waited for again."""

        async def known() -> bool:
            return title in await self.classes()

        try:
            within = 0.0 if title in self.missed else self.discovery_s
            await self.eventually(known, True, f"the class {title} is listed", within)
        except AssertionError:
            self.missed.add(title)
            raise

    async def instances(self) -> list[dict[str, Any]]:
        return [one for found in (await self.classes()).values() for one in found["instances"]]

    # The library

    async def shelf(self, name: str) -> dict[str, Any] | None:
        """The shelf of this name, wherever it is."""
        pending = list((await self.client.call("get_library"))["shelves"])
        while pending:
            one = pending.pop()
            if one["name"] == name:
                return one
            pending.extend(one["subshelves"])
        return None

    async def node_of(self, id: str) -> "Node":
        """A node of this class in the graph."""
        return Node(self, await self.client.call("add_node", id=id))

    def next_event(
        self, name: str, wanted: Callable[[Any], bool] = lambda data: True
    ) -> "asyncio.Future[Any]":
        """The next event of the graph's or the Worker's that is called so. Ask for it before causing it."""

        def fits(message: Any) -> bool:
            return isinstance(message, dict) and message.get("event") == name and wanted(message.get("data"))

        return self.client.next(fits)

    async def arrives(self, awaited: "asyncio.Future[Any]", what: str) -> Any:
        """What the future brings, within this peer's patience."""
        done, _ = await asyncio.wait([awaited], timeout=PATIENCE_S[self.kind])
        if not done:
            awaited.cancel()
            raise AssertionError(f"{what}: it did not come")
        return awaited.result()

    async def refused(self, command: str, **arguments: Any) -> str:
        """What a command fails with."""
        try:
            result = await self.client.call(command, **arguments)
        except RemoteError as problem:
            return str(problem)
        raise AssertionError(f"{command} was not refused but gave {result!r}")


class Instance:
    """One instance of a class."""

    def __init__(self, worker: Worker, title: str, class_id: str, uuid: str, added: dict[str, Any]) -> None:
        self.worker, self.title, self.class_id, self.uuid, self.added = worker, title, class_id, uuid, added

    @property
    def address(self) -> dict[str, str]:
        return {"worker_id": self.uuid, "class_id": self.class_id}

    async def entry(self) -> dict[str, Any] | None:
        """What the list of classes says of it."""
        found = (await self.worker.classes()).get(self.title, {"instances": []})
        return next((one for one in found["instances"] if one["uuid"] == self.uuid), None)

    async def is_running(self) -> bool:
        entry = await self.entry()
        return entry is not None and entry["running"]

    async def configure(self, **fields: Any) -> None:
        await self.worker.client.call("update_external_worker", **self.address, config=fields)

    async def form(self) -> dict[str, Any]:
        return await self.worker.client.call("get_external_worker_config", **self.address)

    async def remove(self) -> Any:
        return await self.worker.client.call("remove_external_worker", **self.address)

    def id_of(self, method: str) -> str:
        return f"{self.class_id}.{self.uuid}.{method}"

    async def node(self, method: str) -> "Node":
        return await self.worker.node_of(self.id_of(method))

    async def library(self) -> dict[str, dict[str, Any]]:
        """The nodes of its methods, by their methods."""
        shelf = await self.worker.shelf(self.uuid) or {"nodes": []}
        prefix = self.id_of("")
        return {node["node_id"].removeprefix(prefix): node for node in shelf["nodes"]}

    async def shelves(self) -> list[dict[str, Any]]:
        shelf = await self.worker.shelf(self.uuid)
        return [] if shelf is None else shelf["subshelves"]

    async def ask(self, method: str, **inputs: Any) -> Any:
        """What a new node of the method gives for these inputs."""
        node = await self.node(method)
        result = await node.run(**inputs)
        await node.remove()
        return result


class Node:
    """One node of the graph."""

    def __init__(self, worker: Worker, made: dict[str, Any]) -> None:
        self.worker, self.made, self.id = worker, made, made["id"]

    @property
    def io(self) -> dict[str, dict[str, Any]]:
        """Its inputs and outputs as they were when it was made."""
        return ios(self.made)

    async def state(self) -> dict[str, Any]:
        return await self.worker.client.call("get_node_state", nid=self.id)

    async def io_now(self, name: str) -> dict[str, Any]:
        return ios(await self.state())[name]

    async def set(self, name: str, value: Any) -> Any:
        return await self.worker.client.call(
            "set_io_value", nid=self.id, ioid=name, value=value, set_default=False
        )

    async def value(self, name: str = "out") -> Any:
        found = await self.worker.client.call("get_io_value", nid=self.id, ioid=name)
        return found.body if isinstance(found, Binary) else found

    async def full(self, name: str = "out") -> Binary:
        """The whole value as a client gets it in bytes."""
        return await self.worker.client.ask("get_io_full_value", as_bytes=True, nid=self.id, ioid=name)

    async def run(self, *, out: str = "out", **inputs: Any) -> Any:
        """Sets the inputs, lets it run, and gives its output."""
        await self._ends(("triggerdone", "triggerfast"), "the node runs", inputs)
        return await self.value(out)

    async def fails(self, **inputs: Any) -> str:
        """The text with which a run fails."""
        return (await self._ends(("node_trigger_error",), "the node fails", inputs))["error"]

    async def _ends(self, events: tuple[str, ...], what: str, inputs: dict[str, Any]) -> dict[str, Any]:
        for name, value in list(inputs.items())[:-1]:
            await self.set(name, value)
        await self.rests()
        ended = self.ends(*events)
        try:
            if inputs:
                name, value = list(inputs.items())[-1]
                await self.set(name, value)
            else:
                await self.worker.client.call("trigger_node", nid=self.id)
            message = await self.worker.arrives(ended, what)
        finally:
            ended.cancel()
        # It may have been the end of an earlier run.
        await self.rests()
        return message["data"]

    def ends(self, *events: str) -> "asyncio.Future[Any]":
        """The end of the next run. Ask for it before causing it."""

        def fits(message: Any) -> bool:
            if not isinstance(message, dict) or message.get("event") not in (
                events or ("triggerdone", "triggerfast")
            ):
                return False
            return message["data"]["node"] == self.id

        return self.worker.client.next(fits)

    async def rests(self) -> None:
        async def at_rest() -> bool:
            status = (await self.state())["status"]
            # What is not ready waits for a value, however long.
            return not status["in_trigger"] and not (status["requests_trigger"] and status["ready"])

        await self.worker.eventually(at_rest, True, "the node rests")

    async def gives(self, wanted: Any, out: str = "out") -> None:
        await self.worker.eventually(lambda: self.value(out), wanted, f"the output {out}")

    async def remove(self) -> None:
        await self.worker.client.call("remove_node", id=self.id)


def ios(node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Inputs and outputs of a node by their ids; a client may get them as a list or by their ids."""
    io = node["io"]
    return {one["id"]: one for one in (io.values() if isinstance(io, dict) else io)}


def same(left: Any, right: Any) -> bool:
    """Equal, and of one type at every depth: 1, 1.0 and True differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right))
    return type(left) is type(right) and left == right


def equal(seen: Any, wanted: Any, what: str) -> None:
    """Fails unless both are the same."""
    if not same(seen, wanted):
        raise AssertionError(f"{what}: {seen!r}, not {wanted!r}")


def holds(truth: Any, what: str) -> None:
    """Fails with `what` unless it is so."""
    if not truth:
        raise AssertionError(what)


@contextlib.asynccontextmanager
async def running(kind: str, options: Any, names: list[str], *, local: bool = False) -> AsyncIterator[Worker]:
    """A Worker with these scripts, on a fresh data directory."""
    data = tempfile.mkdtemp(prefix=f"behaviour-{kind}-")
    peer = ScriptPeer(kind, data, options, names, local=local)
    try:
        await peer.install()
        await peer.start()
        worker = Worker(peer)
        await worker.connect()
        yield worker
        await worker.disconnect()
    finally:
        await peer.stop()
        shutil.rmtree(data, ignore_errors=True)
