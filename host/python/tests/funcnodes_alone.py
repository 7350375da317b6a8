"""What the workers of `sandboxed/bad.py` do to a FuncNodes Worker that runs them itself.

`funcnodes_alone.py` prints the figures that `test_funcnodes_hostile.py` prints for the sandbox, so that both can be had
from one machine. It is no test, since all that it does is to let Workers hang and end.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from funcnodes_worker_process import SCRIPTS, Worker, figures

#: No answer in so many seconds is none.
LIMIT_S = 15
ENTRY_POINTS = "[funcnodes.module]\nmodule = fnext_bad\nexternal_worker = fnext_bad:CLASSES\n"
CLASSES = "\nCLASSES = [Victim, Bad]\n"


def package(folder: Path) -> None:
    """The workers as a package of FuncNodes, which is imported."""
    said = folder / "fnext_bad-1.0.dist-info"
    said.mkdir(parents=True)
    (folder / "fnext_bad.py").write_text((SCRIPTS / "bad.py").read_text() + CLASSES)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: fnext-bad\nVersion: 1.0\n")
    (said / "entry_points.txt").write_text(ENTRY_POINTS)


def memory(pid: int) -> int:
    """MiB that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


async def seen(worker: Worker, loop: str | None, node: str | None) -> str:
    what = f"its loop: {loop}" if loop else f"its node: {node}" if node else "nothing"
    client = worker.client
    await client.call("add_package_dependency", name="fnext-bad")
    echo = await worker.node(f"victim.{await worker.add('Victim')}.echo")
    bad = await worker.add("Bad")
    method = await worker.node(f"bad.{bad}.{node or 'take'}")
    if loop:
        where = {"class_id": "bad", "worker_id": bad}
        await client.call("update_external_worker", **where, config={"mode": loop})
    if node:
        await client.send({"type": "cmd", "cmd": "trigger_node", "kwargs": {"nid": method}, "id": "bad"})
    try:
        async with asyncio.timeout(LIMIT_S):
            line = figures(what, *await worker.latency(echo, 4.0))
    except (TimeoutError, ConnectionError):
        ended = worker.process.returncode
        line = f"{what:28} " + (f"no answer in {LIMIT_S} s" if ended is None else f"the Worker ended with {ended}")
    return line if worker.process.returncode is not None else f"{line}, {memory(worker.process.pid)} MiB"


async def main() -> None:
    for loop in (None, "spin", "sysexit", "alloc2g", "raise", "flood"):
        await show(loop, None)
    for node in ("spin", "exit", "eat", "err", "huge"):
        await show(None, node)


async def show(loop: str | None, node: str | None) -> None:
    worker = Worker()
    worker.options = ["--plain"]
    try:
        package(worker.data / "packages")
        await worker.start(PYTHONPATH=str(worker.data / "packages"))
        print(await seen(worker, loop, node), flush=True)
    finally:
        await worker.close()


if __name__ == "__main__":
    asyncio.run(main())
