"""The loop's timers. The host measures: `timer.sleep` needs no grant, and can be given up.

With the grant `clocks` the loop has a clock, and one sleep in the host serves all timers: the one until the next is
due. Without it time stands still in the guest. Then each timer is a sleep of its own, and `loop.time()` is the latest
time at which any was due, so that what adds a delay to it is right.
"""

from __future__ import annotations

import heapq
import time
from asyncio import events
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loop import Loop

# A sleep of the host is at most this long; longer ones go on in pieces.
_LONGEST_MS = 3_600_000
# How much too early a timer may be: the host's sleeps are of whole milliseconds, rounded up.
_EARLY = 0.0005


class Timers:
    """All timers of a loop."""

    def __init__(self, loop: Loop, sleep: Any) -> None:
        self._loop, self._sleep = loop, sleep
        self._heap: list[events.TimerHandle] = []
        self._cancelled = 0
        self._alarm: int | None = None
        self._alarm_at = 0.0
        self._own: dict[int, int | None] = {}  # by the timer's id: timers that look the same are equal
        self._now = 0.0
        self.clock: bool = False

    def time(self) -> float:
        """Seconds since some moment."""
        return time.monotonic() if self.clock else self._now

    def add(self, timer: events.TimerHandle, delay: float) -> None:
        """Runs `timer` after `delay`."""
        timer._scheduled = True
        if not self.clock:
            self._begin_own(timer, delay)
            return
        heapq.heappush(self._heap, timer)
        self._set_alarm()

    def cancelled(self, timer: events.TimerHandle) -> None:
        """Nobody waits for `timer` any more."""
        if not timer._scheduled:
            return
        timer._scheduled = False
        if id(timer) in self._own:
            self._give_up(self._own.pop(id(timer)))
        elif self._heap[0] is timer:
            heapq.heappop(self._heap)
            self._set_alarm()
        else:
            self._cancelled += 1
            if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
                self._heap = [one for one in self._heap if not one._cancelled and one is not timer]
                heapq.heapify(self._heap)
                self._cancelled = 0

    # With a clock

    def _set_alarm(self) -> None:
        heap = self._heap
        while heap and heap[0]._cancelled:
            heapq.heappop(heap)
            self._cancelled -= 1
        if not heap:
            self._give_up(self._alarm)
            self._alarm = None
            return
        when = heap[0]._when
        if self._alarm is not None and self._alarm_at <= when:
            return
        self._give_up(self._alarm)
        self._alarm_at = when
        self._alarm = self._start(when - self.time(), self._rang)

    def _rang(self) -> None:
        self._alarm = None
        now = self.time() + _EARLY
        while self._heap and (self._heap[0]._cancelled or self._heap[0]._when <= now):
            timer = heapq.heappop(self._heap)
            if timer._cancelled:
                self._cancelled -= 1
            else:
                timer._scheduled = False
                self._loop._ready.append(timer)
        self._set_alarm()

    # Without one

    def _begin_own(self, timer: events.TimerHandle, left: float) -> None:
        piece = min(left, _LONGEST_MS / 1000)

        def slept() -> None:
            if left > piece:
                self._begin_own(timer, left - piece)
                return
            del self._own[id(timer)]
            timer._scheduled = False
            self._now = max(self._now, timer._when)
            self._loop._ready.append(timer)

        self._own[id(timer)] = self._start(piece, slept)

    # In the host

    def _start(self, delay: float, done: Any) -> int | None:
        """Sleeps in the host; what to give up, where it does not end at once."""
        ms = min(max(0, -int(-delay * 1000 // 1)), _LONGEST_MS)
        return self._loop.start(done, self._sleep, ms)

    def _give_up(self, waitable: int | None) -> None:
        if waitable is not None:
            self._loop.give_up(waitable)
