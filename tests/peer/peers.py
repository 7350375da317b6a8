"""Starts the two Workers that are compared: the one of FuncNodes in Python, and `ewh serve`."""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
from client import Client, reachable

HERE = pathlib.Path(__file__).resolve().parent
START_S = 180.0
STOP_S = 10.0
PACKAGE = "fnext-peer"


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What every script here takes: `tests/peer/run` says it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--ewh", default="target/debug/ewh", help="the program ewh")
    parser.add_argument("--guest", help="the component of guests/probes/peer")
    parser.add_argument("--logs", default="target/peer", help="where the Workers' logs go")
    return parser


class Peer:
    """A Worker that runs, on a data directory of its own."""

    def __init__(self, kind: str, data: str, options: argparse.Namespace) -> None:
        self.kind, self.data, self.options = kind, data, options
        self.url = ""
        self.process: asyncio.subprocess.Process | None = None

    def _command(self, port: int) -> list[str]:
        if self.kind == "python":
            command = [sys.executable, str(HERE / "serve.py")]
        else:
            command = [self.options.ewh, "serve", "--json"]
        return command + ["--data", self.data, "--port", str(port)]

    async def start(self) -> float:
        """Gives back the seconds from the start of the process to its first answer."""
        port = free_port()
        log = pathlib.Path(self.options.logs, f"{self.kind}.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        begin = time.perf_counter()
        with open(log, "ab") as stderr:
            self.process = await asyncio.create_subprocess_exec(
                *self._command(port), stdout=asyncio.subprocess.PIPE, stderr=stderr, env=self._environment()
            )
        try:
            await reachable(f"ws://127.0.0.1:{port}/", START_S)
            cold = time.perf_counter() - begin
            self.url = await asyncio.wait_for(self._announced(), START_S)
        except BaseException as error:
            await self.stop()
            raise RuntimeError(f"{self.kind} did not start, see {log}") from error
        self.drain = asyncio.create_task(self.process.stdout.read())
        await self._activate()
        return cold

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    async def _activate(self) -> None:
        if self.kind != "python":
            # `serve.py` does this itself.
            async with Client(self.url) as client:
                await client.call("add_package_dependency", name=PACKAGE)

    async def install(self) -> None:
        """Makes a package of the guest, as the plugin is one; pip has installed that."""
        if self.kind == "python":
            return
        with tempfile.TemporaryDirectory() as package:
            shutil.copy(self.options.guest, pathlib.Path(package, "peer.wasm"))
            manifest = f'name = "{PACKAGE}"\nversion = "0.1.0"\ncomponents = ["peer.wasm"]\n'
            pathlib.Path(package, "ewh-module.toml").write_text(manifest)
            command = [self.options.ewh, "module", "add", package, "--data", self.data]
            installing = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
            if await installing.wait() != 0:
                raise RuntimeError(f"{' '.join(command)} failed")

    async def _announced(self) -> str:
        async for line in self.process.stdout:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return json.loads(line)["url"]
        raise RuntimeError("it ended")

    async def stop(self) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def memory(self) -> int:
        """Bytes that are resident, of the process and its children."""
        process = psutil.Process(self.process.pid)
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])


@contextlib.asynccontextmanager
async def running(kind: str, options: argparse.Namespace) -> AsyncIterator[Peer]:
    """A Worker on a fresh data directory."""
    data = tempfile.mkdtemp(prefix=f"peer-{kind}-")
    peer = Peer(kind, data, options)
    try:
        await peer.install()
        peer.cold_s = await peer.start()
        yield peer
    finally:
        await peer.stop()
        shutil.rmtree(data, ignore_errors=True)


async def class_of(client: Client, title: str) -> dict[str, Any]:
    """What `add_external_worker` takes for the class that is shown as `title`."""
    for module in await client.call("get_worker_dependencies"):
        for found in module["worker_classes"]:
            if found["name"] == title:
                name = {"cls_module": found["module"], "cls_name": found["class_name"]}
                return {"module": module["module"], **name}
    raise RuntimeError(f"there is no class {title!r}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
