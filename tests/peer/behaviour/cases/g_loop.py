"""The loop: turns, delays, pauses, failures, and its end."""

import asyncio

from suite import Theme
from worker import Instance, Worker, equal, holds

theme = Theme("loop", ["looping"])
case = theme.case


async def turns_at_least(w: Worker, instance: Instance, count: int) -> None:
    await w.eventually(
        lambda: instance.ask("count"), lambda seen: seen >= count, f"{count} turns of the loop"
    )


@case
async def the_first_turn_is_at_once(w: Worker) -> None:
    """The loop's first turn does not wait for the delay."""
    instance = await w.add("Looping")
    await turns_at_least(w, instance, 1)
    holds(await instance.ask("first") < 0.9, "the first turn came late")


@case
async def the_delay_is_a_second(w: Worker) -> None:
    """Between the turns is a second, unless it is said."""
    instance = await w.add("Looping")
    await turns_at_least(w, instance, 3)
    gaps = await instance.ask("gaps")
    holds(all(0.95 < gap < 2 for gap in gaps), f"the times between the turns are {gaps}")


@case
async def a_delay_can_be_said(w: Worker) -> None:
    """With `self._delay = 0.1` it turns ten times a second."""
    instance = await w.add("Fast")
    await turns_at_least(w, instance, 8)
    gaps = sorted((await instance.ask("gaps"))[1:])
    holds(0.09 < gaps[0] and gaps[len(gaps) // 2] < 0.4, f"the times between the turns are {gaps}")


@case
async def the_delay_begins_when_a_turn_ends(w: Worker) -> None:
    """A turn that takes 0.3 s is followed by the whole delay."""
    instance = await w.add("Slow")
    await turns_at_least(w, instance, 2)
    gaps = await instance.ask("gaps")
    holds(1.25 < gaps[0] < 3, f"the times between the turns are {gaps}")


@case
async def turns_do_not_overlap(w: Worker) -> None:
    """A turn that does not end is the only one; nodes are answered meanwhile."""
    instance = await w.add("Endless")
    await turns_at_least(w, instance, 1)
    await asyncio.sleep(1.3)  # longer than the delay: what must not come
    equal(await instance.ask("count"), 1, "the turns")


@case
async def it_runs_and_is_not_stopped(w: Worker) -> None:
    """`running` is true and `stopped` is false from inside."""
    equal(await (await w.add("Looping")).ask("state"), [True, False], "running, stopped")


@case
async def pause_stops_the_turns(w: Worker) -> None:
    """After `pause` no turn begins."""
    instance = await w.add("Fast")
    await turns_at_least(w, instance, 2)
    paused = await instance.ask("halt")
    await asyncio.sleep(0.5)  # five turns: what must not come
    equal(await instance.ask("count"), paused, "the turns")


@case
async def resume_begins_them_again(w: Worker) -> None:
    """After `resume` turns begin again."""
    instance = await w.add("Fast")
    await turns_at_least(w, instance, 1)
    paused = await instance.ask("halt")
    await instance.ask("go_on")
    await turns_at_least(w, instance, paused + 2)


@case
async def resume_in_begins_them_later(w: Worker) -> None:
    """`resume_in` resumes after so many seconds."""
    instance = await w.add("Fast")
    await turns_at_least(w, instance, 2)
    paused = await instance.ask("go_on_in", seconds=0.6)
    await turns_at_least(w, instance, paused + 2)
    longest = max(await instance.ask("gaps"))
    holds(0.55 < longest < 2.5, f"the longest time between turns is {longest}")


@case
async def nodes_run_while_the_loop_is_paused(w: Worker) -> None:
    """A paused loop does not hold up the nodes, and the instance counts as running."""
    instance = await w.add("Looping")
    await instance.ask("halt")
    equal(await instance.ask("state"), [True, False], "running, stopped")
    equal(await instance.is_running(), True, "what the list says")


@case
async def a_failing_loop_leaves_the_nodes(w: Worker) -> None:
    """Nodes are answered when the loop fails, and the loop is tried again."""
    instance = await w.add("Fast")
    await instance.ask("break_it", broken=True)
    failed = await instance.ask("count")
    await turns_at_least(w, instance, failed + 2)


@case
async def a_failing_loop_comes_back(w: Worker) -> None:
    """When the loop no longer fails it turns as before, and the instance runs."""
    instance = await w.add("Fast")
    await instance.ask("break_it", broken=True)
    await turns_at_least(w, instance, await instance.ask("count") + 1)
    await instance.ask("break_it", broken=False)
    await turns_at_least(w, instance, await instance.ask("count") + 3)
    await w.eventually(instance.is_running, True, "what the list says")


@case
async def a_failing_loop_is_announced(w: Worker) -> None:
    """Clients hear that a loop fails, with its sentence."""
    instance = await w.add("Fast")
    heard = w.client.next(lambda message: isinstance(message, dict) and "the loop is broken" in str(message))
    await instance.ask("break_it", broken=True)
    await w.arrives(heard, "a message of the failing loop")


@case
async def a_failing_loop_waits_longer_each_time(w: Worker) -> None:
    """A loop that fails again and again is tried less and less often."""
    instance = await w.add("Fast")
    await instance.ask("break_it", broken=True)
    failed = await instance.ask("count")
    await turns_at_least(w, instance, failed + 4)
    gaps = (await instance.ask("gaps"))[failed:]
    holds(gaps[2] > 2 * gaps[0] or gaps[2] > 0.5, "it is tried as often as at first")


@case
async def a_loop_that_stops_its_worker_ends_it(w: Worker) -> None:
    """`await self.stop()` in the loop ends the instance: its nodes are gone from the library."""
    instance = await w.add("Leaving")
    await w.eventually(instance.library, {}, "the nodes in the library")


@case
async def a_stopped_worker_does_not_run(w: Worker) -> None:
    """What has stopped itself is not listed as running."""
    instance = await w.add("Leaving")
    await w.eventually(instance.is_running, False, "what the list says")
