"""One asyncio loop for all tasks of a component instance.

componentize-py's own loop gives every exported call a queue of its own: no timers, no wake-up from one call to
another, no task that outlives its call, no cancellation. This one has all four:

- every export call is a *component task* with a waitable set of its own, and an asyncio task;
- what a component task waits for in the host is joined to its own set; when it ends earlier than that, the
  set's contents move to another component task, or it stays as the pump of those that have none;
- an asyncio task that ends while another component task runs is told through a byte of a stream
  that the guest has both ends of (the only wake-up between component tasks that componentize-py reaches).
"""
import asyncio
import collections
import heapq
import time as _time
from asyncio import base_events, events

import componentize_py_async_support as support
import componentize_py_runtime as runtime
from componentize_py_types import Err, Ok

EXIT, WAIT = 0, 2
SUBTASK, STREAM_READ, STREAM_WRITE, FUTURE_READ, FUTURE_WRITE = 1, 2, 3, 4, 5
RETURNED = 2
BLOCKED = Err


class _Begun(BaseException):
    pass


def _begin(function, *args):
    """Calls an asynchronous import as far as it goes at once: its value, or what to wait for."""
    begun = []
    async def hold(result):
        begun.append(result)
        raise _Begun
    usual, support.await_result = support.await_result, hold
    coroutine = function(*args)
    try:
        coroutine.send(None)
    except _Begun:
        pass
    finally:
        support.await_result = usual
        coroutine.close()
    return begun[0]


class ComponentTask:
    __slots__ = ("export", "borrows", "task", "set", "waits", "bell", "result", "ended", "parked")

    def __init__(self, export, borrows):
        self.export, self.borrows = export, borrows
        self.task = self.set = self.bell = self.result = None
        self.waits = set()
        self.ended = self.parked = False


class Bell:
    """Both ends of a stream: a byte wakes the component task whose set has the reading end."""
    __slots__ = ("kind", "reader", "writer", "promise", "rung")

    def __init__(self, kind):
        self.kind = kind
        pair = runtime.stream_new(kind)
        self.reader, self.writer = pair & 0xFFFFFFFF, pair >> 32
        self.promise = None
        self.rung = False

    def arm(self):
        if self.promise is None:
            answer = runtime.stream_read(self.kind, self.reader, 1)
            assert isinstance(answer, BLOCKED)
            self.promise = answer.value[1]

    def ring(self):
        answer = runtime.stream_write(self.kind, self.writer, b"\0")
        assert isinstance(answer, Ok), answer
        self.rung = True

    def rang(self, event):
        runtime.promise_get_result(event, self.promise)
        self.promise = None
        self.rung = False


class Loop(base_events.BaseEventLoop):
    def __init__(self, timer, stream_kind, clock=None):
        super().__init__()
        self._timer, self._stream_kind, self._clock = timer, stream_kind, clock
        self._current = None
        self._live = {}        # component tasks that wait, by id
        self._pending = {}     # waitable -> (future or bell owner, promise)
        self._finished = collections.deque()
        self._bells = []
        self._armed = 0        # how many sleeps are in flight
        self._next_alarm = None
        self._draining = False

    # -------------------------------------------------------------- asyncio's side

    def time(self):
        return self._clock() if self._clock else 0.0

    def is_running(self):
        return True

    def is_closed(self):
        return False

    def _check_closed(self):
        pass

    def call_soon_threadsafe(self, callback, *args, context=None):
        return self.call_soon(callback, *args, context=context)

    def call_later(self, delay, callback, *args, context=None):
        if self._clock:
            return self.call_at(self.time() + delay, callback, *args, context=context)
        # Without a clock every timer is a sleep of its own: the host measures it.
        timer = events.TimerHandle(delay, callback, args, self, context)
        self._start_sleep(delay, timer)
        return timer

    def call_at(self, when, callback, *args, context=None):
        if not self._clock:
            return self.call_later(when, callback, *args, context=context)
        timer = events.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        if self._next_alarm is None or when < self._next_alarm:
            self._next_alarm = when
            self._start_sleep(when - self.time(), None)
        return timer

    def _timer_handle_cancelled(self, handle):
        pass

    def _start_sleep(self, delay, timer):
        ms = min(max(0, round(delay * 1000 + 0.499)), 0xFFFF_FFFF)
        answer = _begin(self._timer.sleep, ms)
        if isinstance(answer, Ok):
            self._slept(timer)
        else:
            waitable, promise = answer.value
            self._pending[waitable] = (lambda event: self._slept(timer, event, promise), None)
            self._join(waitable)

    def _slept(self, timer, event=None, promise=None):
        if promise is not None:
            runtime.promise_get_result(event, promise)
        if timer is not None:
            if not timer._cancelled:
                self._ready.append(timer)
            return
        now = self.time()
        self._next_alarm = None
        while self._scheduled:
            first = self._scheduled[0]
            if first._cancelled:
                heapq.heappop(self._scheduled)
            elif first._when <= now + 0.001:
                self._ready.append(heapq.heappop(self._scheduled))
            else:
                self._next_alarm = first._when
                self._start_sleep(first._when - now, None)
                break

    def run_in_executor(self, executor, func, *args):
        """There are no threads: what is handed over runs here and now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:
            future.set_exception(error)
        return future

    def default_exception_handler(self, context):
        import logging
        logging.getLogger("asyncio").error(context.get("message", "unhandled"), exc_info=context.get("exception"))

    def run_until_complete(self, future):
        raise RuntimeError("the loop of an external worker runs already: await instead of asyncio.run()")

    run_forever = run_until_complete

    # -------------------------------------------------------------- the component's side

    def _join(self, waitable):
        owner = self._current or next(iter(self._live.values()), None)
        assert owner is not None, "nothing can wait outside of a call"
        if owner.set is None:
            owner.set = runtime.waitable_set_new()
        owner.waits.add(waitable)
        runtime.waitable_join(waitable, owner.set)

    async def await_result(self, result):
        if isinstance(result, Ok):
            return result.value
        waitable, promise = result.value
        future = self.create_future()
        self._pending[waitable] = (future, promise)
        self._join(waitable)
        event = await future
        return runtime.promise_get_result(event, promise)

    def first_poll(self, export, borrows, coroutine):
        owner = ComponentTask(export, borrows)
        self._current = owner
        owner.task = self.create_task(self._answer(owner, coroutine))
        return self._run(owner)

    async def _answer(self, owner, coroutine):
        try:
            owner.result = Ok(await coroutine)
        except Err as error:
            owner.result = error
        owner.ended = True
        if owner is not self._current:
            self._finished.append(owner)

    def callback(self, kind, waitable, value):
        owner = runtime.context_get()
        runtime.context_set(None)
        self._current = owner
        self._live.pop(id(owner), None)
        if kind == SUBTASK and value != RETURNED:
            return self._run(owner)
        if kind:
            entry = self._pending.pop(waitable)
            runtime.waitable_join(waitable, 0)
            owner.waits.discard(waitable)
            if kind == SUBTASK:
                runtime.subtask_drop(waitable)
            target, promise = entry
            if promise is None:
                target(value)
            elif target.done():
                runtime.promise_get_result(value, promise)  # nobody waits any more; free it
            else:
                target.set_result(value)
        return self._run(owner)

    def drain(self):
        """Runs what is ready, in a synchronous export, too."""
        ready = self._ready
        while ready:
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
        while self._finished:
            other = self._finished.popleft()
            if other.bell is not None and not other.parked:
                other.parked = True
                other.bell.ring()

    def _run(self, owner):
        self.drain()
        if owner.ended and owner.result is not None:
            result, owner.result = owner.result, None
            runtime.call_task_return(owner.export, owner.borrows, result)
            self._silence(owner)
        if owner.ended:
            if not owner.waits or self._hand_over(owner):
                if owner.set is not None:
                    runtime.waitable_set_drop(owner.set)
                self._current = None
                return EXIT
        elif owner.bell is None:
            self._ring_for(owner)
        self._live[id(owner)] = owner
        self._current = None
        runtime.context_set(owner)
        return WAIT | (owner.set << 4)

    def _ring_for(self, owner):
        bell = self._bells.pop() if self._bells else Bell(self._stream_kind)
        bell.arm()
        owner.bell = bell
        if owner.set is None:
            owner.set = runtime.waitable_set_new()
        self._pending[bell.reader] = (bell.rang, None)
        runtime.waitable_join(bell.reader, owner.set)

    def _silence(self, owner):
        """The bell of a component task that has answered goes back to the others."""
        bell, owner.bell = owner.bell, None
        if bell is not None and not bell.rung:
            if self._pending.pop(bell.reader, None) is not None:
                runtime.waitable_join(bell.reader, 0)
            self._bells.append(bell)
        elif bell is not None:
            owner.waits.add(bell.reader)  # its byte is on the way: wait for it, then let it go
            self._pending[bell.reader] = (lambda event: (bell.rang(event), self._bells.append(bell)), None)

    def _hand_over(self, owner):
        heir = next((task for task in self._live.values() if task is not owner), None)
        if heir is None:
            return False
        if heir.set is None:
            heir.set = runtime.waitable_set_new()
        for waitable in owner.waits:
            runtime.waitable_join(waitable, heir.set)
        heir.waits |= owner.waits
        owner.waits.clear()
        return True


def install(timer, stream_kind, clock=None):
    """Takes the place of componentize-py's loop, before its runtime looks the functions up."""
    loop = Loop(timer, stream_kind, clock)
    support._loop = loop
    support.first_poll, support.callback, support.await_result = loop.first_poll, loop.callback, loop.await_result
    def spawn(coroutine):
        loop.create_task(coroutine)
    support.spawn = spawn
    events._set_running_loop(loop)
    asyncio.set_event_loop(loop)
    return loop
