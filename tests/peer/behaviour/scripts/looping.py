# /// script
# [tool.ewh.requests]
# clocks = "measures the time between turns"
# ///
"""Loops: how often they turn, how they pause, fail and end."""

import asyncio
import time

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Looping(FuncNodesExternalWorker):
    NODECLASSID = "looping"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.begun = time.monotonic()
        self.turns = []
        self.broken = False

    async def loop(self):
        self.turns.append(time.monotonic() - self.begun)
        if self.broken:
            raise RuntimeError("the loop is broken")

    @instance_nodefunction()
    def count(self) -> int:
        return len(self.turns)

    @instance_nodefunction()
    def gaps(self) -> list:
        return [later - earlier for earlier, later in zip(self.turns, self.turns[1:])]

    @instance_nodefunction()
    def first(self) -> float:
        return self.turns[0]

    @instance_nodefunction()
    def state(self) -> list:
        return [self.running, self.stopped]

    @instance_nodefunction()
    def halt(self) -> int:
        self.pause()
        return len(self.turns)

    @instance_nodefunction()
    def go_on(self) -> int:
        self.resume()
        return len(self.turns)

    @instance_nodefunction()
    def go_on_in(self, seconds: float) -> int:
        self.pause()
        self.resume_in(seconds)
        return len(self.turns)

    @instance_nodefunction()
    def break_it(self, broken: bool) -> bool:
        self.broken = broken
        return broken


class Fast(Looping):
    NODECLASSID = "looping_fast"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._delay = 0.1


class Slow(Looping):
    NODECLASSID = "looping_slow"

    async def loop(self):
        await super().loop()
        await asyncio.sleep(0.3)


class Endless(Looping):
    NODECLASSID = "looping_endless"

    async def loop(self):
        await super().loop()
        await asyncio.Event().wait()


class Leaving(Looping):
    NODECLASSID = "looping_leaving"

    async def loop(self):
        await super().loop()
        if len(self.turns) == 2:
            await self.stop()
