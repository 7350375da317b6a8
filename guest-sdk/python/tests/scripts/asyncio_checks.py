# /// script
# [tool.ewh.requests]
# clocks = "measures how long things take"
# ///
"""How much of asyncio works in the sandbox: the node `check` answers a dictionary of check and "ok" or the problem."""

import asyncio
import contextvars
import gc
import threading
import time

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker

CHECKS = []
VAR = contextvars.ContextVar("VAR", default="none")


def check(function):
    CHECKS.append(function)
    return function


async def raises(kind, awaitable):
    try:
        await awaitable
    except kind as problem:
        return problem
    raise AssertionError(f"{kind.__name__} was not raised")


@check
async def sleep_returns_its_result():
    assert await asyncio.sleep(0.001, "x") == "x"


@check
async def sleep_zero_lets_others_run():
    seen = []
    task = asyncio.create_task(_append(seen))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [1] and task.done()


async def _append(seen):
    seen.append(1)


@check
async def timers_fire_in_order():
    seen, loop = [], asyncio.get_running_loop()
    for ms in (30, 10, 20):
        loop.call_later(ms / 1000, seen.append, ms)
    await asyncio.sleep(0.06)
    assert seen == [10, 20, 30], seen


@check
async def timers_are_exact():
    begin = time.monotonic()
    await asyncio.sleep(0.05)
    took = time.monotonic() - begin
    assert 0.0495 <= took < 0.2, took


@check
async def call_at_uses_the_loops_time():
    seen, loop = [], asyncio.get_running_loop()
    loop.call_at(loop.time() + 0.01, seen.append, 1)
    await asyncio.sleep(0.03)
    assert seen == [1]


@check
async def cancelled_timers_do_not_fire():
    seen, loop = [], asyncio.get_running_loop()
    handle = loop.call_later(0.01, seen.append, 1)
    handle.cancel()
    await asyncio.sleep(0.03)
    assert not seen and handle.cancelled()


@check
async def ten_thousand_cancelled_timers_leave_nothing():
    loop = asyncio.get_running_loop()
    for _ in range(10_000):
        loop.call_later(3600, print).cancel()
    assert len(loop._timers._heap) < 200


@check
async def an_earlier_timer_overtakes():
    seen, loop = [], asyncio.get_running_loop()
    late = loop.call_later(5, seen.append, "late")
    loop.call_later(0.01, seen.append, "early")
    await asyncio.sleep(0.03)
    late.cancel()
    assert seen == ["early"]


@check
async def many_sleeps_at_once():
    begin = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(0.02) for _ in range(500)))
    assert time.monotonic() - begin < 1


@check
async def wait_for_times_out():
    await raises(TimeoutError, asyncio.wait_for(asyncio.sleep(5), 0.01))


@check
async def wait_for_answers():
    assert await asyncio.wait_for(asyncio.sleep(0.001, 7), 5) == 7


@check
async def timeout_context():
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        return
    raise AssertionError("no timeout")


@check
async def timeout_at_can_be_moved():
    async with asyncio.timeout(0.01) as limit:
        limit.reschedule(asyncio.get_running_loop().time() + 5)
        await asyncio.sleep(0.03)


@check
async def gather_keeps_the_order():
    assert await asyncio.gather(asyncio.sleep(0.02, 1), asyncio.sleep(0.01, 2)) == [1, 2]


@check
async def gather_returns_exceptions():
    async def bad():
        raise ValueError("x")

    found = await asyncio.gather(bad(), asyncio.sleep(0, 1), return_exceptions=True)
    assert isinstance(found[0], ValueError) and found[1] == 1


@check
async def task_group_waits():
    async with asyncio.TaskGroup() as group:
        one = group.create_task(asyncio.sleep(0.01, 1))
        two = group.create_task(asyncio.sleep(0.005, 2))
    assert one.result() + two.result() == 3


@check
async def task_group_cancels_the_others():
    async def bad():
        await asyncio.sleep(0.001)
        raise KeyError("x")

    try:
        async with asyncio.TaskGroup() as group:
            other = group.create_task(asyncio.sleep(5))
            group.create_task(bad())
    except* KeyError:
        pass
    assert other.cancelled()


@check
async def cancel_reaches_a_sleep():
    task = asyncio.create_task(asyncio.sleep(5))
    await asyncio.sleep(0.001)
    task.cancel("why")
    problem = await raises(asyncio.CancelledError, task)
    assert problem.args == ("why",)


@check
async def cancel_runs_finally():
    seen = []

    async def work():
        try:
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0.001)
            seen.append("clean")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.001)
    task.cancel()
    await raises(asyncio.CancelledError, task)
    assert seen == ["clean"]


@check
async def shield_protects():
    inner = asyncio.create_task(asyncio.sleep(0.01, 5))
    await raises(TimeoutError, asyncio.wait_for(asyncio.shield(inner), 0.001))
    assert await inner == 5


@check
async def wait_first_completed():
    slow, fast = asyncio.create_task(asyncio.sleep(5)), asyncio.create_task(asyncio.sleep(0.001))
    done, pending = await asyncio.wait({slow, fast}, return_when=asyncio.FIRST_COMPLETED)
    slow.cancel()
    assert done == {fast} and pending == {slow}


@check
async def as_completed_is_in_order():
    found = [await one for one in asyncio.as_completed([asyncio.sleep(0.02, "b"), asyncio.sleep(0.001, "a")])]
    assert found == ["a", "b"]


@check
async def events_wake():
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.005, event.set)
    await asyncio.wait_for(event.wait(), 1)


@check
async def locks_exclude():
    lock, inside = asyncio.Lock(), []

    async def work(name):
        async with lock:
            inside.append(name)
            await asyncio.sleep(0.001)
            inside.append(name)

    await asyncio.gather(work("a"), work("b"))
    assert inside == ["a", "a", "b", "b"]


@check
async def semaphores_limit():
    semaphore, now, most = asyncio.Semaphore(2), 0, 0

    async def work():
        nonlocal now, most
        async with semaphore:
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

    await asyncio.gather(*(work() for _ in range(8)))
    assert most == 2


@check
async def conditions_notify():
    condition, ready = asyncio.Condition(), []

    async def wait():
        async with condition:
            await condition.wait_for(lambda: ready)
            return "go"

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    async with condition:
        ready.append(1)
        condition.notify_all()
    assert await task == "go"


@check
async def barriers_meet():
    barrier = asyncio.Barrier(3)
    assert sorted(await asyncio.gather(*(barrier.wait() for _ in range(3)))) == [0, 1, 2]


@check
async def queues_pass_on():
    queue, got = asyncio.Queue(2), []

    async def consume():
        while (item := await queue.get()) is not None:
            got.append(item)
            queue.task_done()

    task = asyncio.create_task(consume())
    for item in range(10):
        await queue.put(item)
    await queue.join()
    await queue.put(None)
    await task
    assert got == list(range(10))


@check
async def priority_queues_sort():
    queue = asyncio.PriorityQueue()
    for item in (3, 1, 2):
        queue.put_nowait(item)
    assert [queue.get_nowait() for _ in range(3)] == [1, 2, 3]


@check
async def contextvars_belong_to_tasks():
    async def inner():
        VAR.set("inner")
        await asyncio.sleep(0.001)
        return VAR.get()

    VAR.set("outer")
    assert await asyncio.create_task(inner()) == "inner"
    assert VAR.get() == "outer"


@check
async def contextvars_reach_callbacks():
    seen, loop = [], asyncio.get_running_loop()
    VAR.set("mine")
    loop.call_soon(lambda: seen.append(VAR.get()))
    loop.call_later(0.001, lambda: seen.append(VAR.get()))
    await asyncio.sleep(0.01)
    assert seen == ["mine", "mine"]


@check
async def to_thread_runs_inline():
    here = threading.get_ident()
    assert await asyncio.to_thread(threading.get_ident) == here
    await raises(ZeroDivisionError, asyncio.to_thread(lambda: 1 // 0))


@check
async def run_in_executor_runs_inline():
    assert await asyncio.get_running_loop().run_in_executor(None, sum, (1, 2)) == 3


@check
async def asyncio_run_is_refused():
    async def nothing():
        pass

    coroutine = nothing()
    try:
        asyncio.run(coroutine)
    except RuntimeError as problem:
        assert "await" in str(problem), problem
    else:
        raise AssertionError("asyncio.run ran")
    finally:
        coroutine.close()


@check
async def run_until_complete_is_refused():
    try:
        asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))
    except RuntimeError as problem:
        assert "await" in str(problem)
    else:
        raise AssertionError("it ran")


@check
async def what_cannot_be_is_said():
    loop = asyncio.get_running_loop()
    for call in (lambda: loop.sock_recv(None, 1), lambda: loop.subprocess_exec(None), lambda: loop.add_reader(0, print)):
        try:
            call()
        except NotImplementedError as problem:
            assert "external worker" in str(problem)
        else:
            raise AssertionError("not refused")


@check
async def the_exception_handler_hears():
    seen, loop = [], asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: seen.append(context))
    try:
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(0.001)
        assert isinstance(seen[0]["exception"], ZeroDivisionError)
    finally:
        loop.set_exception_handler(None)


@check
async def exceptions_of_forgotten_tasks_are_reported():
    seen, loop = [], asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: seen.append(context))
    try:
        task = asyncio.create_task(_bad())
        await asyncio.sleep(0.001)
        del task
        gc.collect()
        await asyncio.sleep(0.001)
        assert seen and isinstance(seen[0]["exception"], ValueError)
    finally:
        loop.set_exception_handler(None)


async def _bad():
    raise ValueError("nobody looks")


@check
async def a_task_that_exits_harms_nobody():
    async def leave():
        raise SystemExit(3)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: None)
    try:
        task = asyncio.create_task(leave())
        await asyncio.sleep(0.001)
        assert isinstance(task.exception(), SystemExit)
    finally:
        loop.set_exception_handler(None)


@check
async def async_generators_are_closed():
    seen = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    async for _ in numbers():
        break
    gc.collect()
    await asyncio.sleep(0.005)
    assert seen == ["closed"], seen


@check
async def a_busy_task_starves_nobody():
    stop = asyncio.Event()

    async def spin():
        while not stop.is_set():
            await asyncio.sleep(0)

    task = asyncio.create_task(spin())
    await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(task, 1)


@check
async def runner_and_new_loop_are_refused():
    try:
        with asyncio.Runner() as runner:
            runner.run(asyncio.sleep(0))
    except RuntimeError:
        return
    raise AssertionError("a second loop ran")


@check
async def all_tasks_and_names():
    task = asyncio.create_task(asyncio.sleep(0.01), name="named")
    assert task in asyncio.all_tasks() and task.get_name() == "named"
    await task


class Checks(FuncNodesExternalWorker):
    NODECLASSID = "asyncio_checks"
    LOOP_DELAY = 0.01

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turns = 0
        self.queue = asyncio.Queue()
        self.turned = asyncio.Event()
        self.background = 0

    async def loop(self):
        self.turns += 1
        self.turned.set()
        if not self.queue.empty():
            asking, answer = self.queue.get_nowait()
            answer.set_result(asking * 2)

    @instance_nodefunction()
    async def check(self) -> dict:
        found = {}
        for one in CHECKS:
            try:
                await asyncio.wait_for(one(), 5)
                found[one.__name__] = "ok"
            except BaseException as problem:
                found[one.__name__] = f"{type(problem).__name__}: {problem}"
        return found

    @instance_nodefunction()
    async def across(self) -> dict:
        """What goes between calls and the loop."""
        found = {}
        answer = asyncio.get_running_loop().create_future()
        await self.queue.put((21, answer))
        found["a turn answers a call"] = await asyncio.wait_for(answer, 2) == 42
        self.turned.clear()
        await asyncio.wait_for(self.turned.wait(), 2)
        found["a turn wakes a call"] = True
        return found

    @instance_nodefunction()
    async def begin(self) -> bool:
        """A task that outlives its call."""
        self.task = asyncio.create_task(self._count())
        return True

    async def _count(self):
        for _ in range(10):
            await asyncio.sleep(0.005)
            self.background += 1

    @instance_nodefunction()
    async def counted(self) -> int:
        await self.task
        return self.background

    @instance_nodefunction()
    async def forever(self) -> str:
        await asyncio.sleep(3600)
        return "?"
