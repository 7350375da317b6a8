"""Asynchronous methods: what waits does not hold up the others."""

from suite import Theme
from worker import Worker, equal

theme = Theme("async", ["nodes"])
case = theme.case


@case
async def a_coroutine_is_a_node(w: Worker) -> None:
    """An `async def` is a node like any other."""
    equal(await (await w.add("Nodes")).ask("slow_double", a=4), 8, "what it gives")


@case
async def waiting_nodes_wait_together(w: Worker) -> None:
    """Two calls wait for an event that a third sets."""
    instance = await w.add("Nodes")
    one, two = await instance.node("wait"), await instance.node("wait")
    await one.set("who", "one")
    await two.set("who", "two")
    equal([await one.value(), await two.value()], ["<NoValue>"] * 2, "the outputs before")
    equal(await instance.ask("open"), True, "what opens the gate")
    await one.gives("one")
    await two.gives("two")


@case
async def the_loop_turns_while_a_node_waits(w: Worker) -> None:
    """A call that waits does not hold up the loop."""
    instance = await w.add("Nodes")
    node = await instance.node("wait")
    await node.set("who", "x")
    before = await instance.ask("turned")
    await w.eventually(lambda: instance.ask("turned"), lambda turns: turns > before, "the turns of the loop")
    equal((await node.state())["status"]["in_trigger"], True, "whether the node still runs")
    await instance.ask("open")
    await node.gives("x")


@case
async def a_queue_joins_two_nodes(w: Worker) -> None:
    """What one call puts into a queue another gets."""
    instance = await w.add("Nodes")
    taker = await instance.node("take")
    await taker.set("who", "t")
    await instance.ask("put", item=5)
    await taker.gives("t 5")


@case
async def gather_runs_them_all(w: Worker) -> None:
    """`asyncio.gather` gives all results in order."""
    equal(await (await w.add("Nodes")).ask("gathered"), [0, 1, 4, 9], "what it gives")


@case
async def wait_for_gives_up(w: Worker) -> None:
    """`asyncio.wait_for` raises TimeoutError."""
    equal(await (await w.add("Nodes")).ask("impatient"), "timeout", "what it gives")


@case
async def async_generators_work(w: Worker) -> None:
    """`async for` over an asynchronous generator."""
    equal(await (await w.add("Nodes")).ask("streamed"), [0, 1, 2], "what it gives")


@case
async def a_task_goes_on_after_its_call(w: Worker) -> None:
    """A task that a call created goes on when the call has ended."""
    instance = await w.add("Nodes")
    equal(await instance.ask("spawn"), 0, "what the call gives")
    await w.eventually(lambda: instance.ask("spawned"), ["done"], "what the task did")


@case
async def a_task_can_be_cancelled(w: Worker) -> None:
    """A cancelled task raises CancelledError where it is awaited."""
    equal(await (await w.add("Nodes")).ask("cancelled"), "cancelled", "what it gives")
