"""What a call costs from Python: medians as JSON, in microseconds. Run by `cargo bench --bench main embedded`."""

import asyncio
import json
import sys
import time

import numpy
from external_worker_host import Component, Policy

CALLS = 5_000
ARRAYS = 300
COMPONENT, BUDGET = sys.argv[1:]


def median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2] * 1e6


async def awaited(instance, name: str, count: int, **inputs) -> float:
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        await instance.call(name, **inputs)
        times.append(time.perf_counter() - begin)
    return median(times)


def waited_for(instance, name: str, count: int, **inputs) -> float:
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        instance.call(name, **inputs).result()
        times.append(time.perf_counter() - begin)
    return median(times)


async def main() -> None:
    component = await Component.load(COMPONENT, policy=Policy.parse(BUDGET))
    instance = await component.start("probe", config={"turn_ms": 0})
    instance.pause()
    array = numpy.ones(131_072)
    await awaited(instance, "noop", 500)
    found = {
        "await a call": await awaited(instance, "noop", CALLS),
        "wait for a call": waited_for(instance, "noop", CALLS),
        "await an array of 1 MiB": await awaited(instance, "echo_array", ARRAYS, value=array),
    }
    await instance.stop()
    print(json.dumps(found))


asyncio.run(main())
