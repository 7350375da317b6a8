"""Methods that become nodes: names, descriptions, options, defaults, several outputs, async ones."""

import asyncio
from typing import Literal, Optional, Tuple

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Nodes(FuncNodesExternalWorker):
    NODECLASSID = "nodes"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gate = asyncio.Event()
        self.lock = asyncio.Lock()
        self.queue = asyncio.Queue()
        self.calls = 0
        self.background = []
        self.turns = 0

    async def loop(self):
        self.turns += 1

    def hidden_helper(self, a: int) -> int:
        return a

    @instance_nodefunction()
    def add(self, a: int, b: int = 5) -> int:
        """Adds two numbers."""
        self.calls += 1
        return a + b

    @instance_nodefunction()
    def count(self) -> int:
        return self.calls

    @instance_nodefunction(name="A name", description="Said explicitly.")
    def named(self, x: float) -> float:
        """Not this."""
        return x

    @instance_nodefunction()
    def documented(self) -> int:
        """The first paragraph.

        The second one.
        """
        return 1

    @instance_nodefunction(node_name="Node Name")
    def node_named(self) -> int:
        return 1

    @instance_nodefunction(
        outputs=[{"name": "status", "type": "str", "description": "how it is"}],
        default_render_options={"data": {"src": "status", "type": "text"}},
        default_io_options={
            "mode": {"value_options": {"options": ["fast", "safe"]}},
            "level": {"value_options": {"min": 0, "max": 9}},
            "quiet": {"does_trigger": False},
            "secret": {"hidden": True},
            "text": {"render_options": {"type": "text"}},
        },
    )
    def options(
        self, mode: str = "safe", level: int = 1, quiet: int = 0, secret: int = 0, text: str = ""
    ) -> str:
        self.calls += 1
        return f"{mode}-{level}-{quiet}-{secret}-{text}"

    @instance_nodefunction(inputs=[{"name": "first", "type": "float", "description": "a number"}])
    def overridden(self, first: int) -> int:
        return first

    @instance_nodefunction(outputs=[{"name": "quotient"}, {"name": "rest"}])
    def divide(self, a: int, b: int = 2) -> Tuple[int, int]:
        return divmod(a, b)

    @instance_nodefunction()
    def nothing(self, a: int = 1) -> None:
        self.calls += 1

    @instance_nodefunction()
    def choice(self, level: Literal["lo", "hi"] = "lo", gain: Optional[float] = None) -> str:
        return f"{level} {gain}"

    @instance_nodefunction()
    def direct(self) -> list:
        return [self.add(1), self.add(1, 2), self.add(a=3, b=4), self.hidden_helper(9)]

    @instance_nodefunction()
    async def direct_async(self) -> int:
        return await self.slow_double(21)

    @instance_nodefunction()
    async def slow_double(self, a: int) -> int:
        await asyncio.sleep(0.01)
        return a * 2

    @instance_nodefunction()
    async def wait(self, who: str) -> str:
        await self.gate.wait()
        return who

    @instance_nodefunction()
    def open(self) -> bool:
        self.gate.set()
        return True

    @instance_nodefunction()
    async def take(self, who: str) -> str:
        return f"{who} {await self.queue.get()}"

    @instance_nodefunction()
    def put(self, item: int) -> int:
        self.queue.put_nowait(item)
        return item

    @instance_nodefunction()
    async def gathered(self) -> list:
        async def square(i: int) -> int:
            await asyncio.sleep(0)
            return i * i

        return await asyncio.gather(*(square(i) for i in range(4)))

    @instance_nodefunction()
    async def impatient(self) -> str:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.05)
        except asyncio.TimeoutError:
            return "timeout"
        return "?"

    @instance_nodefunction()
    async def streamed(self) -> list:
        async def numbers():
            for i in range(3):
                await asyncio.sleep(0)
                yield i

        return [i async for i in numbers()]

    @instance_nodefunction()
    async def spawn(self) -> int:
        async def later():
            await asyncio.sleep(0.02)
            self.background.append("done")

        self.task = asyncio.create_task(later())
        return len(self.background)

    @instance_nodefunction()
    def spawned(self) -> list:
        return self.background

    @instance_nodefunction()
    async def cancelled(self) -> str:
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "?"

    @instance_nodefunction()
    def turned(self) -> int:
        return self.turns
