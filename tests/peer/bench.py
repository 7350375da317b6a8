"""Measures the Python Worker and `ewh serve` in the same run and prints one table with ratios.

Each row is what a client sees through the websocket. Both are measured by the same client on the
same machine, so its own cost is in every number and makes ratios smaller, not larger.
"""

import asyncio
import json
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable
from typing import Any

from client import Binary, Client
from peers import Peer, arguments, class_of, running

BENCH = "BenchWorker"
MS = 1e3
# A row that takes longer shows how far it came.
BUDGET_S = 120.0
# How long no frame came before values are asked for: short, since it counts as the peer's own time.
QUIET_S = 0.02

# What was measured, its unit and the value; smaller is better unless the unit is a rate.
Rows = dict[tuple[str, str], Any]


class Bench:
    """One Worker under measurement."""

    def __init__(self, peer: Peer, client: Client, options: Namespace) -> None:
        self.peer, self.client, self.options = peer, client, options
        self.rows: Rows = {}
        self.bench: dict[str, Any] | None = None

    def row(self, name: str, unit: str, value: Any) -> None:
        self.rows[name, unit] = value
        print(f"  {self.peer.kind}: {name}: {shown(value)} {unit}", file=sys.stderr, flush=True)

    async def run(self) -> Rows:
        self.row("cold start to first answer, empty data directory", "s", self.peer.cold_s)
        await self.calls()
        instance = await self.add()
        self.node_id = f"{instance['nodeclassid']}.{instance['uuid']}.inc"
        await self.triggers()
        await self.pipelined()
        await self.chain()
        await self.fan()
        await self.client.call("clear")
        await self.remove(instance)
        await self.add_and_remove()
        return self.rows

    async def add(self) -> dict[str, Any]:
        if self.bench is None:
            self.bench = await class_of(self.client, BENCH)
        return await self.client.call("add_external_worker", **self.bench)

    async def remove(self, instance: dict[str, Any]) -> None:
        names = {"worker_id": instance["uuid"], "class_id": instance["nodeclassid"]}
        await self.client.call("remove_external_worker", **names)

    async def calls(self) -> None:
        async def call() -> None:
            await self.client.call("get_runstate")

        times = await timed(call, 3000)
        self.row("no-op RPC, p50", "ms", quantile(times, 50) * MS)
        self.row("no-op RPC, p99", "ms", quantile(times, 99) * MS)
        self.row("no-op RPC, one after the other", "/s", len(times) / sum(times))

    async def add_node(self, **options: Any) -> str:
        return (await self.client.call("add_node", id=self.node_id, **options))["id"]

    def quick(self) -> dict[str, Any]:
        """The Python Worker waits 10 ms before a trigger unless it is told otherwise."""
        return {"pretrigger_delay": 0.0} if self.peer.kind == "python" else {}

    async def triggers(self) -> None:
        for name, options in (("", {}), (", no delay", self.quick())):
            node = await self.add_node(**options)
            value = 0

            async def trigger(node: str = node) -> None:
                nonlocal value
                value += 1
                arrived = self.client.next_value(node, "out")
                await self.client.call("set_io_value", nid=node, ioid="a", value=value)
                check(int_of(await arrived) == value + 1, "a wrong sum")

            times = await timed(trigger, 500)
            self.row(f"set an input, see the output{name}, p50", "ms", quantile(times, 50) * MS)
            self.row(f"set an input, see the output{name}, p99", "ms", quantile(times, 99) * MS)
            await self.client.call("remove_node", id=node)

    async def pipelined(self) -> None:
        count = self.options.pipelined
        text = [
            json.dumps({"type": "cmd", "cmd": "get_runstate", "kwargs": {}, "id": f"pipelined-{i}"})
            for i in range(count)
        ]
        self.client.heard.clear()
        begin = time.perf_counter()
        await asyncio.gather(*(self.client.socket.send_str(one) for one in text))
        ids: set = set()
        last = begin
        # The end is all answers, or two seconds without one.
        while len(ids) < count and time.perf_counter() - last < 2.0:
            await asyncio.sleep(0.001)
            heard, self.client.heard = self.client.heard, []
            new = {m["id"] for m in heard if isinstance(m, dict) and m.get("type") == "result"}
            if new:
                last = time.perf_counter()
                ids |= new
        self.row(f"{count} pipelined RPCs, answered", f"of {count}", len(ids))
        self.row(f"{count} pipelined RPCs", "/s", len(ids) / (last - begin))

    async def graph(self, edges: Callable[[list[str]], list[tuple[str, str]]]) -> tuple[list[str], float]:
        begin = time.perf_counter()
        nodes = [await self.add_node(**self.quick()) for _ in range(self.options.nodes)]
        for source, target in edges(nodes):
            names = {"src_nid": source, "trg_nid": target}
            await self.client.call("add_edge", **names, src_ioid="out", trg_ioid="a")
        return nodes, time.perf_counter() - begin

    async def chain(self) -> None:
        count = self.options.nodes
        nodes, made = await self.graph(lambda nodes: list(zip(nodes, nodes[1:])))
        self.row(f"make a chain of {count} nodes", "ms", made * MS)

        async def through() -> float:
            nonlocal start
            start += count
            begin = time.perf_counter()
            await self.client.call("set_io_value", nid=nodes[0], ioid="a", value=start)
            await self.reaches([nodes[-1]], start + count)
            return time.perf_counter() - begin

        start = 0
        times = [await within(through()) for _ in range(3)]
        self.row(f"through a chain of {count} nodes, no delay", "ms", best(times))
        await self.client.call("clear")

    async def fan(self) -> None:
        count = self.options.nodes
        nodes, _ = await self.graph(lambda nodes: [(nodes[0], other) for other in nodes[1:]])

        async def through() -> float:
            nonlocal start
            start += count
            begin = time.perf_counter()
            await self.client.call("set_io_value", nid=nodes[0], ioid="a", value=start)
            await self.reaches(nodes[1:], start + 2)
            return time.perf_counter() - begin

        start = 0
        times = [await within(through()) for _ in range(3)]
        self.row(f"a fan of {count} nodes, no delay", "ms", best(times))
        await self.client.call("clear")

    async def reaches(self, nodes: list[str], value: int) -> None:
        """Waits until the outputs have a value: by their frames, and by asking where one was lost."""
        open_nodes = set(nodes)
        quiet = time.perf_counter()
        while open_nodes:
            heard, self.client.heard = self.client.heard, []
            for message in heard:
                if isinstance(message, Binary) and message.header.get("io") == "out":
                    if message.header["node"] in open_nodes and int_of(message) == value:
                        open_nodes.discard(message.header["node"])
                        quiet = time.perf_counter()
            if time.perf_counter() - quiet > QUIET_S:
                for node in list(open_nodes):
                    if await self.client.call("get_io_value", nid=node, ioid="out") != value:
                        break
                    open_nodes.discard(node)
                quiet = time.perf_counter()
            await asyncio.sleep(0)

    async def add_and_remove(self) -> None:
        adding, removing = [], []
        for _ in range(30):
            begin = time.perf_counter()
            instance = await self.add()
            added = time.perf_counter()
            await self.remove(instance)
            adding.append(added - begin)
            removing.append(time.perf_counter() - added)
        self.row("add_external_worker, p50", "ms", quantile(adding, 50) * MS)
        self.row("remove_external_worker, p50", "ms", quantile(removing, 50) * MS)

    async def instances(self, count: int) -> Rows:
        before, begin = self.peer.memory(), time.perf_counter()
        made: list[dict[str, Any]] = []
        while len(made) < count and time.perf_counter() - begin < BUDGET_S:
            made.append(await self.add())
        took = time.perf_counter() - begin
        self.row(f"{count} instances, made in {BUDGET_S:.0f} s", f"of {count}", len(made))
        self.row(f"{count} instances, add one", "ms", took / len(made) * MS)
        self.row(f"{count} instances, resident", "KiB each", (self.peer.memory() - before) / len(made) / 1024)

        async def library() -> None:
            await self.client.call("get_library")

        times = await timed(library, 10)
        self.row(f"{count} instances, get_library, p50", "ms", quantile(times, 50) * MS)

        async def call() -> None:
            await self.client.call("get_runstate")

        times = await timed(call, 500)
        self.row(f"{count} instances, no-op RPC, p99", "ms", quantile(times, 99) * MS)
        return self.rows


async def timed(work: Callable[[], Awaitable[None]], count: int) -> list[float]:
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        await work()
        times.append(time.perf_counter() - begin)
    return times


async def within(work: Awaitable[float]) -> float | None:
    try:
        return await asyncio.wait_for(work, BUDGET_S)
    except TimeoutError:
        return None


def best(times: list[float | None]) -> float | None:
    done = [one for one in times if one is not None]
    return min(done) * MS if done else None


def quantile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def int_of(message: Binary) -> int:
    return int.from_bytes(message.body, "big", signed=True)


def check(holds: bool, what: str) -> None:
    if not holds:
        raise RuntimeError(what)


def shown(value: Any) -> str:
    if value is None:
        return f"> {BUDGET_S:.0f} s"
    return str(value) if isinstance(value, int) else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def ratio(unit: str, left: Any, right: Any) -> str:
    if not left or not right or unit.startswith("of "):
        return ""
    return f"{right / left if unit == '/s' else left / right:.3g}x"


async def measured(kind: str, options: Namespace) -> Rows:
    async with running(kind, options) as peer:
        async with Client(peer.url) as client:
            rows = await Bench(peer, client, options).run()
        await peer.stop()
        name = "cold start to first answer, second time"
        rows[name, "s"] = await peer.start()
    for count in options.instances:
        async with running(kind, options) as peer, Client(peer.url) as client:
            rows.update(await Bench(peer, client, options).instances(count))
    return rows


async def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--peers", default="python,ewh", help="which, the first one is the measure")
    parser.add_argument("--instances", default="200,2000", help="how many at a time")
    parser.add_argument("--nodes", type=int, default=1000, help="in the chain and the fan")
    parser.add_argument("--pipelined", type=int, default=10_000, help="RPCs at once")
    options = parser.parse_args()
    options.instances = [int(count) for count in options.instances.split(",") if count]
    names = options.peers.split(",")
    # One after the other, since they share the machine.
    results = [await measured(name, options) for name in names]
    print("| what | unit | " + " | ".join(names) + " | better by |")
    print("|---" * (len(names) + 3) + "|")
    for key in results[0]:
        name, unit = key
        values = [rows.get(key) for rows in results]
        better = ratio(unit, values[0], values[-1])
        print(f"| {name} | {unit} | " + " | ".join(map(shown, values)) + f" | {better} |")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
