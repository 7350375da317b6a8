"""Where the guests of these tests are: those that the tests of the host build."""

from __future__ import annotations

import os
import socket
import textwrap
import unittest
from pathlib import Path

import external_worker_host as host

ROOT = Path(__file__).resolve().parents[3]
GUESTS = Path(os.environ.get("EWH_GUESTS", ROOT / "target/guests/wasm32-wasip2/release"))

#: No wait of a test is longer.
PATIENCE = 60


def guest(name: str) -> Path:
    """The component of the guest `name`."""
    return GUESTS / f"{name}.wasm"


def script(folder: Path, source: str, name: str = "worker.py", policy: str = "") -> Path:
    """A worker in Python, with what may be granted to it."""
    path = folder / name
    path.write_text(textwrap.dedent(source))
    if policy:
        path.with_suffix(".policy.toml").write_text(textwrap.dedent(policy))
    return path


def free_port() -> int:
    """A port of this machine that nobody has just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Case(unittest.IsolatedAsyncioTestCase):
    """A test under asyncio, which says what it waited for in vain."""

    async def started(self, path: Path, class_id: str | None = None, **spec: object) -> host.Instance:
        """An instance of what is in `path`, stopped when the test ends."""
        component = await host.Component.load(path)
        instance = await component.start(class_id, **spec)
        self.addAsyncCleanup(_stop, instance)
        return instance


async def _stop(instance: host.Instance) -> None:
    await instance.kill("the test is over")
