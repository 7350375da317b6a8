"""A FuncNodes Worker in Python, as a process of its own, that has the sandbox host's module; and a client of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import io
import json
import os
import shutil
import signal
import statistics
import struct
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path
from typing import Any

from support import PATIENCE, ROOT, free_port

PEER = ROOT / "tests/peer"
SCRIPTS = Path(__file__).with_name("sandboxed")
HAS_FUNCNODES = all(importlib.util.find_spec(it) for it in ("funcnodes_worker", "aiohttp"))

if HAS_FUNCNODES:
    sys.path.append(str(PEER))
    from client import Binary, Client

#: A secret of the process, which no guest may read.
SECRET = "the-secret-of-the-environment"


def needs(package: str) -> Any:
    """Skips what needs a package with nodes that is not installed."""
    there = HAS_FUNCNODES and importlib.util.find_spec(package.replace("-", "_"))
    return unittest.skipUnless(there, f"{package} is not installed")


class Worker:
    """The Worker, on a data folder that outlives its process."""

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="ewh-funcnodes-"))
        self.folder = self.data / "worker/local_workers"
        self.folder.mkdir(parents=True)
        self.process: asyncio.subprocess.Process | None = None
        #: What it has of this host: nothing, where FuncNodes is to be seen alone.
        self.options = ["--plain", "--mounted"]

    async def start(self, **environment: str) -> Client:
        """Gives back a client, once the classes are there."""
        port = free_port()
        serve = [sys.executable, str(PEER / "serve.py"), *self.options]
        with open(self.log, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *serve,
                *("--data", str(self.data), "--port", str(port)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "MY_ENV_SECRET": SECRET, **environment},
            )
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        self.client = await Client(json.loads(line)["url"]).__aenter__()
        return self.client

    async def stop(self, hard: bool = False) -> float:
        """Ends the process as FuncNodes ends it, and gives back the seconds that it took."""
        begin = time.monotonic()
        if not hard:
            # The answer is not always sent before the connection is closed.
            with contextlib.suppress(ConnectionError):
                await self.client.call("stop_worker")
        await self.client.__aexit__()
        if hard:
            self.process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        return time.monotonic() - begin

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.stop(hard=True)
        shutil.rmtree(self.data)

    @property
    def log(self) -> Path:
        return self.data / "log"

    def logged(self) -> str:
        return self.log.read_text(errors="replace")

    def put(self, path: Path, name: str | None = None) -> None:
        """A file comes into the folder, all at once, as tools write one."""
        new = self.data / "new"
        shutil.copy(path, new)
        new.replace(self.folder / (name or path.name))

    def write(self, name: str, text: str) -> None:
        new = self.data / "new"
        new.write_text(text)
        new.replace(self.folder / name)

    # What a user does.

    async def classes(self) -> dict[str, dict[str, Any]]:
        """What instances can be made of, by class id, with what `add_external_worker` takes."""
        found = {}
        for module in await self.client.call("get_worker_dependencies"):
            for it in module["worker_classes"]:
                made = {"module": module["module"], "cls_module": it["module"], "cls_name": it["class_name"]}
                found[it["class_name"]] = {**made, "title": it["name"], "instances": it["instances"]}
        return found

    async def add(self, class_id: str) -> str:
        """A new instance; its uuid."""
        found = await self.until(lambda it: it.get(class_id), self.classes)
        names = {key: found[key] for key in ("module", "cls_module", "cls_name")}
        return (await self.client.call("add_external_worker", **names))["uuid"]

    async def node(self, node_id: str) -> str:
        return (await self.client.call("add_node", id=node_id))["id"]

    async def set(self, node: str, port: str, value: Any) -> Any:
        return await self.client.call("set_io_value", nid=node, ioid=port, value=value, set_default=True)

    async def compute(self, node: str, output: str, **inputs: Any) -> Any:
        """Sets inputs, triggers, and gives back what comes out, or the error's text."""
        here = self.client.next_value(node, output)
        wrong = self.client.next(
            lambda it: isinstance(it, dict) and it.get("event") == "node_trigger_error" and it["data"]["node"] == node
        )
        for port, value in inputs.items():
            await self.set(node, port, value)
        await self.client.call("trigger_node", nid=node)
        done, late = await asyncio.wait([here, wrong], return_when=asyncio.FIRST_COMPLETED)
        for it in late:
            it.cancel()
        answer = done.pop().result()
        if isinstance(answer, Binary):
            return await self.client.call("get_io_value", nid=node, ioid=output)
        return RuntimeError(answer["data"]["error"])

    async def until(self, holds: Any, ask: Any) -> Any:
        """Asks until the answer is as wanted; what `holds` gives back."""
        end = time.monotonic() + PATIENCE
        while not (found := holds(answer := await ask())):
            if time.monotonic() > end:
                raise TimeoutError(f"still {str(answer)[-2000:]}")
            await asyncio.sleep(0.02)
        return found

    async def until_logged(self, text: str) -> str:
        async def log() -> str:
            return self.logged()

        return await self.until(lambda it: it if text in it else None, log)

    async def library(self) -> str:
        return json.dumps(await self.client.call("get_library"))

    async def latency(self, node: str, seconds: float) -> tuple[float, float, int]:
        """Pings and runs a node of another external worker, for that long: the median ping, the longest of both
        together, in seconds, and how often. A node of FuncNodes waits 10 ms before it runs."""
        took, both, count, end = [], [], 0, time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            pong = self.client.next(lambda it: isinstance(it, dict) and it.get("type") == "pong")
            await self.client.send({"type": "ping"})
            await pong
            took.append(time.monotonic() - begin)
            count += 1
            wanted = struct.pack("!q", count)
            ran = self.client.next(lambda it: isinstance(it, Binary) and it.is_value(node, "out") and it.body == wanted)
            await self.set(node, "a", count)
            await ran
            both.append(time.monotonic() - begin)
        return statistics.median(took), max(both), count


def figures(what: str, median: float, worst: float, count: int) -> str:
    """A line of what a latency was while something went on."""
    ping, both = f"{median * 1000:6.2f} ms", f"{worst * 1000:6.1f} ms"
    return f"{what:28} ping {ping}, with a node run at most {both}, {count} times"


@unittest.skipUnless(HAS_FUNCNODES, "FuncNodes is not installed")
class WorkerCase(unittest.IsolatedAsyncioTestCase):
    """A Worker of its own for each test, with some files in its folder."""

    files: tuple[Path, ...] = ()

    async def asyncSetUp(self) -> None:
        self.worker = Worker()
        self.addAsyncCleanup(self.worker.close)
        for file in self.files:
            self.worker.put(file)
        self.client = await self.worker.start()

    async def restart(self, hard: bool = False) -> None:
        await self.worker.stop(hard)
        self.client = await self.worker.start()

    async def settings(self, class_id: str, uuid: str) -> dict[str, Any]:
        return await self.client.call("get_external_worker_config", class_id=class_id, worker_id=uuid)

    async def configure(self, class_id: str, uuid: str, **config: Any) -> dict[str, Any]:
        return await self.client.ask("update_external_worker", class_id=class_id, worker_id=uuid, config=config)

    async def saved(self, uuid: str) -> str:
        """What is in the save, once the instance is."""

        async def text() -> str:
            path = self.worker.data / "worker/nodespace.json"
            return path.read_text() if path.exists() else ""

        return await self.worker.until(lambda it: it if uuid in it else None, text)

    async def exported(self) -> str:
        """Every member of an export."""
        packed = base64.b64decode(await self.client.call("export_worker"))
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return "".join(archive.read(name).decode() for name in archive.namelist())
