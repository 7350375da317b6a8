"""One asyncio loop for all tasks of a component instance.

componentize-py's own loop gives every exported call a queue of its own: no timers, no wake-up from one call to
another, no task that outlives its call, no cancellation. This one has all four:

- every export call is a *component task* with a waitable set of its own, and an asyncio task;
- what a component task waits for in the host is joined to its own set; when it ends earlier than that, the
  set's contents move to another component task, or it stays as the pump of those that have none;
- an asyncio task that ends while another component task runs is told through a bell;
- what nobody waits for any more is given up in the host at once.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import logging
import sys
from asyncio import base_events, events
from collections.abc import Callable, Coroutine
from typing import Any

import componentize_py_async_support as support
import componentize_py_runtime as runtime
from componentize_py_types import Err, Ok

from . import net, refusals
from .blocking import Blocking
from .tasks import CANCELS, EXIT, FUTURE_WRITE, RETURNED, SUBTASK, WAIT, YIELD, Bell, ComponentTask, Waiter, begin, poll
from .timers import Timers

# How many rounds of callbacks run before the host has a turn.
_ROUNDS = 32


class Loop(refusals.Refusals, net.Network, base_events.BaseEventLoop):
    """The loop, as asyncio wants it and as componentize-py's bindings want it."""

    def __init__(self, sleep: Any, stream_kind: int, granted: Callable[[], list[str]]) -> None:
        super().__init__()
        self._stream_kind, self._granted = stream_kind, granted
        self._timers = Timers(self, sleep)
        self._current: ComponentTask | None = None
        self._live: dict[int, ComponentTask] = {}  # component tasks that wait
        self._waiters: dict[int, Waiter | Bell] = {}  # what is begun in the host, by its waitable
        self._orphans: list[int] = []  # begun where no component task was there to wait for it
        self._finished: collections.deque[ComponentTask] = collections.deque()
        self._bells: list[Bell] = []
        self._spinner: ComponentTask | None = None  # the one that goes on soon, since something is ready
        self._begun = False
        self.blocking = Blocking(self, sleep)

    # What asyncio asks

    def time(self) -> float:
        """The loop's clock. Without the grant `clocks` it stands still between timers."""
        return self._timers.time()

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def _check_closed(self) -> None:
        pass

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        return self.call_soon(callback, *args, context=context)

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> events.TimerHandle:
        if delay is None:
            raise TypeError("delay must not be None")
        return self._call_after(delay, self.time() + delay, callback, args, context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> events.TimerHandle:
        if when is None:
            raise TypeError("when cannot be None")
        return self._call_after(when - self.time(), when, callback, args, context)

    def _call_after(self, delay: float, when: float, callback: Any, args: Any, context: Any) -> events.TimerHandle:
        timer = events.TimerHandle(when, callback, args, self, context)
        self._timers.add(timer, delay)
        return timer

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        self._timers.cancelled(handle)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Runs `func` here and now, and answers a future that is done: there are no threads. `asyncio.to_thread`
        comes here, too, so that what authors write for a thread works; the loop stands still meanwhile."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except StopIteration as problem:
            future.set_exception(RuntimeError(f"{func!r} raised {problem!r}"))
        except Exception as problem:
            future.set_exception(problem)
        return future

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        problem = context.get("exception")
        text = context.get("message") or "an exception that nobody handles"
        what = context.get("task") or context.get("future") or context.get("handle")
        about = f"{text}: {what!r}" if what is not None else text
        logging.getLogger("asyncio").error("%s", about, exc_info=problem)

    def run_until_complete(self, future: Any) -> Any:
        """Refused: the loop runs for as long as the worker lives."""
        if asyncio.iscoroutine(future):
            future.close()
        raise RuntimeError("the loop of an external worker runs already: use `await`, or asyncio.create_task()")

    def run_forever(self) -> None:
        """Refused, like `run_until_complete`."""
        raise RuntimeError("the loop of an external worker runs already, for as long as the worker lives")

    def stop(self) -> None:
        """Refused: the loop ends with the worker."""
        raise RuntimeError("the loop of an external worker ends with it: use `await self.stop()`")

    def close(self) -> None:
        """Refused, like `stop`."""
        self.stop()

    # What is begun in the host

    def start(self, done: Callable[[], None], function: Callable[..., Any], *args: Any) -> int | None:
        """Begins an import without a result and calls `done` when it is done; what to give up, unless it is now."""
        answer = begin(support, function, *args)
        if isinstance(answer, Ok):
            self.call_soon(done)
            return None
        waitable, promise = answer.value

        def ended(event: int) -> None:
            runtime.promise_get_result(event, promise)
            done()

        self._wait_for(waitable, Waiter(promise, ended, CANCELS["import"], True))
        return waitable

    def give_up(self, waitable: int) -> Any:
        """Ends in the host what was begun; what it had brought by then."""
        waiter = self._waiters[waitable]
        assert isinstance(waiter, Waiter)
        if self._current is None:
            # A synchronous export may not wait, and giving up might: it is done by the next that may.
            promise = waiter.promise
            waiter.done = lambda event: runtime.promise_get_result(event, promise)
            self.call_soon(self._give_up_late, waitable, waiter)
            return None
        del self._waiters[waitable]
        self._unjoin(waitable)
        return waiter.give_up(waitable)

    def _give_up_late(self, waitable: int, waiter: Waiter) -> None:
        if self._waiters.get(waitable) is waiter:
            self.give_up(waitable)

    async def await_result(self, result: Any) -> Any:
        """Waits for an import."""
        return await self.wait(result, "import")

    async def wait(self, result: Any, kind: str, late: Callable[[Any], None] | None = None) -> Any:
        """Waits for what was begun: its value. `late` gets what came although nobody waits for it any more."""
        if isinstance(result, Ok):
            return result.value
        waitable, promise = result.value
        if self.blocking.active:
            return self.blocking.wait(waitable, promise, kind, late)
        future = self.create_future()

        def done(event: int) -> None:
            if future.done():
                self._too_late(runtime.promise_get_result(event, promise), late)
            else:
                future.set_result(event)

        self._wait_for(waitable, Waiter(promise, done, CANCELS.get(kind, _never), kind == "import"))
        try:
            event = await future
        except BaseException:
            if future.done() and not future.cancelled():
                self._too_late(runtime.promise_get_result(future.result(), promise), late)
            elif kind in CANCELS and waitable in self._waiters:
                self._too_late(self.give_up(waitable), late)
            raise
        return runtime.promise_get_result(event, promise)

    def let_go(self, result: Any, after: Callable[[], None]) -> None:
        """Does not wait for what was begun; `after` is called when it is done."""
        if isinstance(result, Ok):
            after()
            return
        waitable, promise = result.value

        def done(event: int) -> None:
            runtime.promise_get_result(event, promise)
            after()

        self._wait_for(waitable, Waiter(promise, done, _never, False))

    def _too_late(self, value: Any, late: Callable[[Any], None] | None) -> None:
        if late is not None and value is not None:
            late(value)

    def _wait_for(self, waitable: int, waiter: Waiter) -> None:
        self._waiters[waitable] = waiter
        owner = self._current or next(iter(self._live.values()), None)
        if owner is None:
            self._orphans.append(waitable)
        else:
            owner.join(waitable)

    def _unjoin(self, waitable: int) -> None:
        if waitable in self._orphans:
            self._orphans.remove(waitable)
            return
        if self._current is not None:
            self._current.waits.discard(waitable)
        for task in self._live.values():
            if waitable in task.waits:
                task.waits.discard(waitable)
                self._rouse(task)
        runtime.waitable_join(waitable, 0)

    def _rouse(self, task: ComponentTask) -> None:
        """Wakes a component task from whose set something is about to be taken. The host may have decided to wake it for
        just that; finding nothing in the set then is a fault to wasmtime, which ends the worker. So there is the bell."""
        if task is self._spinner:
            return  # it goes on anyway, and looks at its set itself
        if task.bell is None:
            self._hang(task)
        self._ring(task)

    # What the bindings ask

    def first_poll(self, export: int, borrows: int, coroutine: Coroutine[Any, Any, Any]) -> int:
        """An export is called."""
        if not self._begun:
            self._begun = True
            self._timers.clock = "clocks" in self._granted()
        owner = self._current = ComponentTask(export, borrows)
        while self._orphans:
            owner.join(self._orphans.pop())
        owner.task = self.create_task(self._answer(owner, coroutine))
        return self._run(owner)

    async def _answer(self, owner: ComponentTask, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            owner.result = Ok(await coroutine)
        except Err as error:
            owner.result = error
        owner.ended = True
        if owner is not self._current:
            self._finished.append(owner)

    def callback(self, kind: int, waitable: int, value: int) -> int:
        """Something in the set of a component task happened."""
        owner: ComponentTask = runtime.context_get()
        runtime.context_set(None)
        self._current = owner
        self._live.pop(id(owner), None)
        if owner is self._spinner:
            self._spinner = None
            kind, waitable, value = poll(owner)
        if SUBTASK <= kind <= FUTURE_WRITE and not (kind == SUBTASK and value != RETURNED):
            self._happened(owner, kind, waitable, value)
        return self._run(owner)

    def _happened(self, owner: ComponentTask, kind: int, waitable: int, value: int) -> None:
        waiter = self._waiters.pop(waitable, None)
        runtime.waitable_join(waitable, 0)
        owner.waits.discard(waitable)
        if kind == SUBTASK:
            runtime.subtask_drop(waitable)
        if isinstance(waiter, Bell):
            waiter.rang(value)
            if owner.bell is waiter:
                owner.bell, owner.rung = None, False
            self._bells.append(waiter)
        elif waiter is not None:
            waiter.done(value)

    def wake(self) -> None:
        """Lets what is ready run soon. For a synchronous export, in which the host lets nothing wait, not even for a
        sleep to be given up."""
        waiting = (task for task in self._live.values() if task.bell is not None)
        task = next(waiting, None) if self._ready else None
        if task is not None:
            self._ring(task)

    def drain(self) -> None:
        """Runs what is ready. A synchronous export may not wait, which a callback may have to: it wakes another."""
        ready = self._ready
        if self._current is None:
            asleep = next((task for task in self._live.values() if task.bell is not None), None)
            if ready and asleep is not None:
                self._ring(asleep)
            return
        for _ in range(_ROUNDS):
            if not ready:
                break
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:
                    self._run_handle(handle)
        while self._finished:
            self._ring(self._finished.popleft())

    def _run_handle(self, handle: events.Handle) -> None:
        try:
            handle._run()
        except BaseException as problem:  # SystemExit and KeyboardInterrupt, which asyncio lets through
            self.call_exception_handler({"message": "a task ended itself", "exception": problem, "handle": handle})

    def _ring(self, task: ComponentTask) -> None:
        if task.bell is not None and not task.rung:
            task.rung = True
            task.bell.ring()

    def _run(self, owner: ComponentTask) -> int:
        self.drain()
        if owner.ended and owner.result is not None:
            result, owner.result = owner.result, None
            runtime.call_task_return(owner.export, owner.borrows, result)
            self._silence(owner)
        self._current = None
        if self._ready and self._spinner is None:
            # The host has its turn, then what is left goes on.
            self._spinner = owner
            self._live[id(owner)] = owner
            runtime.context_set(owner)
            return YIELD
        if owner.ended:
            if not owner.waits or self._hand_over(owner):
                if owner.set is not None:
                    runtime.waitable_set_drop(owner.set)
                return EXIT
        elif owner.bell is None:
            self._hang(owner)
        self._live[id(owner)] = owner
        runtime.context_set(owner)
        return WAIT | (owner.own_set() << 4)

    def _hang(self, owner: ComponentTask) -> None:
        """A bell for a component task that waits."""
        bell = self._bells.pop() if self._bells else Bell(self._stream_kind)
        bell.arm()
        owner.bell, owner.rung = bell, False
        self._waiters[bell.reader] = bell
        runtime.waitable_join(bell.reader, owner.own_set())

    def _silence(self, owner: ComponentTask) -> None:
        """The bell of a component task that has answered goes back to the others."""
        bell, owner.bell = owner.bell, None
        if bell is None:
            return
        if bell.rung:
            owner.waits.add(bell.reader)  # its byte is on the way
        else:
            del self._waiters[bell.reader]
            runtime.waitable_join(bell.reader, 0)
            self._bells.append(bell)

    def _hand_over(self, owner: ComponentTask) -> bool:
        heir = next((task for task in self._live.values() if task is not owner), None)
        if heir is None:
            return False
        for waitable in owner.waits:
            heir.join(waitable)
        owner.waits.clear()
        return True


def _never(waitable: int) -> int:
    raise AssertionError(f"{waitable} cannot be given up")


def _spawn(coroutine: Coroutine[Any, Any, Any]) -> None:
    asyncio.get_running_loop().create_task(coroutine)


def install(sleep: Any, stream_kind: int, granted: Callable[[], list[str]]) -> Loop:
    """Takes the place of componentize-py's loop, before its runtime looks the functions up."""
    loop = Loop(sleep, stream_kind, granted)
    support._loop = loop
    support.first_poll, support.callback, support.await_result = loop.first_poll, loop.callback, loop.await_result
    support.spawn = _spawn
    events._set_running_loop(loop)
    asyncio.set_event_loop(loop)
    sys.set_asyncgen_hooks(firstiter=loop._asyncgen_firstiter_hook, finalizer=loop._asyncgen_finalizer_hook)
    for module in (asyncio, events):
        module.new_event_loop = refusals.no_second_loop  # type: ignore[attr-defined]
    asyncio.run = refusals.no_second_loop
    from . import transfers

    transfers.install(loop)
    return loop
