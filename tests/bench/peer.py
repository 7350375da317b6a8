"""The rows of `python.rs` for FuncNodes on CPython: the class of the template, in this process."""

import asyncio
import importlib.util
import pathlib
import statistics
import time

CALLS = 5_000
STARTS = 50


def seconds(times: list[float], factor: float) -> float:
    return statistics.median(times) * factor


async def main() -> None:
    file = pathlib.Path(__file__).parents[2] / "guests/python/template.py"
    spec = importlib.util.spec_from_file_location("template", file)
    template = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(template)
    worker = template.MyWorker(workerid="0" * 32)
    direct, nodes, starts = [], [], []
    for _ in range(CALLS):
        begin = time.perf_counter()
        worker.get_status()
        direct.append(time.perf_counter() - begin)
    node = worker.get_nodeclass("get_status")()
    for _ in range(500):
        begin = time.perf_counter()
        await node
        nodes.append(time.perf_counter() - begin)
    for at in range(STARTS):
        begin = time.perf_counter()
        template.MyWorker(workerid=f"{at + 1:032x}")
        starts.append(time.perf_counter() - begin)
    rows = [
        ("in FuncNodes: call of the bare method", seconds(direct, 1e6), "us"),
        ("in FuncNodes: run of a node of it", seconds(nodes, 1e6), "us"),
        ("in FuncNodes: a new instance", seconds(starts, 1e3), "ms"),
    ]
    for what, value, unit in rows:
        print(f"{what:<44} {value:>9.3}  {unit}")


asyncio.run(main())
