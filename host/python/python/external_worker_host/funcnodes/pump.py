"""Takes what a guest tells and does it in the Worker: logs, options of nodes, triggers, progress, shelves, failures.

A guest may tell more than a Worker can show. So the loop of the Worker is given back after so many events, lines for
people come only so often, and a shelf is read again at most a few times in a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .._native import Event

if TYPE_CHECKING:
    from .._native import Instance
    from .sandbox import Sandbox

#: So many events are taken in such a time, in seconds.
EVENTS, WINDOW_S = 50, 0.05
#: The least time between two readings of a shelf.
SHELF_S = 0.25
#: The least time between two lines in the status bar, of one guest.
NOTICE_S = 1.0

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
#: Events that mean something to FuncNodes, which a guest may not fake.
_RESERVED = frozenset({"stopping", "nodes_update", "*"})


class Owner(Protocol):
    """Whose guest it is."""

    sandbox: Sandbox

    def label(self) -> str: ...
    async def started(self) -> None: ...
    async def nodes_update(self) -> None: ...
    def config_said(self) -> None: ...
    def emitted(self, event: str, data: Any) -> None: ...
    def ended(self, reason: str) -> None: ...


async def listen(owner: Owner, replaced: asyncio.Event, goes_on: Callable[[], bool]) -> None:
    """Listens to whichever guest is its owner's, as long as that `goes_on`. `replaced` tells of another one."""
    while goes_on():
        guest = owner.sandbox.guest
        if guest is not None:
            await Pump(owner, guest).listen()
        if guest is owner.sandbox.guest:
            replaced.clear()
            await replaced.wait()


class Pump:
    """Listens to one guest until it ends."""

    def __init__(self, owner: Owner, guest: Instance) -> None:
        self.owner, self.guest = owner, guest
        self.log = owner.sandbox.source.log
        self._notice_due = 0.0
        self._shelf_task: asyncio.Task[None] | None = None
        self._is_stale = False

    async def listen(self) -> None:
        """Ends when the guest has ended."""
        taken, begin = 0, time.monotonic()
        try:
            async for event in self.guest.events():
                try:
                    await self._take(event)
                except Exception as error:
                    self.log.warning("%s: %s", self.owner.label(), error, exc_info=error)
                taken += 1
                if taken < EVENTS:
                    continue
                # What is there already is taken without a pause of the loop, and a flood of it is there always.
                await asyncio.sleep(max(0.0, begin + WINDOW_S - time.monotonic()))
                taken, begin = 0, time.monotonic()
        finally:
            if self._shelf_task is not None:
                self._shelf_task.cancel()

    async def _take(self, event: Event) -> None:
        sandbox, owner = self.owner.sandbox, self.owner
        match event:
            case Event.Log(level=level, message=message):
                self.log.log(_LEVELS[level], "%s: %s", owner.label(), _one_line(message))
            case Event.TriggerRequested(method=method):
                for node in sandbox.nodes_of(method):
                    node.request_trigger()
            case Event.InputChanged(node=None):
                pass  # New nodes are given it when they are attached.
            case Event.InputChanged(node=uuid, method=method, input=name, change=change):
                try:
                    node = sandbox.nodes.get(uuid)
                    if node is not None:
                        node.change_input(name, change)
                finally:
                    if change.kind in ("value", "shown"):
                        self.guest.arrived(method, uuid, name)
            case Event.Progress(node=str() as uuid, fraction=fraction, message=message, elapsed=elapsed):
                sandbox.show_progress(uuid, fraction, message, elapsed)
            case Event.Emitted(event="nodes_update"):
                self._refresh()
            case Event.Emitted(event=name, data=data):
                if name not in _RESERVED:
                    owner.emitted(name, data)
            case Event.ConfigSaid():
                owner.config_said()
            case Event.Denied(message=message):
                await self._notice(message)
            case Event.LoopFailed(message=message):
                await self._notice(f"its loop failed: {message}")
            case Event.State(state=state, reason=reason):
                await self._state(state, reason or "")
            case Event.Missed(count=count):
                self.log.warning("%s told more than can be shown: %d events are missing", owner.label(), count)
                # One of them may have been about the shelf.
                self._refresh()

    async def _state(self, state: str, reason: str) -> None:
        if self.guest is not self.owner.sandbox.guest:
            return  # Another has its place.
        if state == "running":
            await self.owner.started()
        elif state == "restarting":
            await self._notice(f"it starts again: {reason}")
        elif state == "ended":
            self.owner.sandbox.problem = reason
            if reason != "it was stopped":
                await self._notice(f"it has ended: {reason}", always=True)
            self.owner.ended(reason)

    async def _notice(self, message: str, always: bool = False) -> None:
        """Something that a person is to see: in the log, and in the status bar of the web UI."""
        line = f"{self.owner.label()}: {_one_line(message)}"
        self.log.error("%s", line)
        if always or time.monotonic() >= self._notice_due:
            self._notice_due = time.monotonic() + NOTICE_S
            await self.owner.sandbox.source.tell(line)

    def _refresh(self) -> None:
        self._is_stale = True
        if self._shelf_task is None or self._shelf_task.done():
            self._shelf_task = asyncio.create_task(self._read_shelf())

    async def _read_shelf(self) -> None:
        while self._is_stale:
            self._is_stale = False
            try:
                await self.owner.nodes_update()
            except Exception as error:
                self.log.warning("%s: its shelf cannot be read: %s", self.owner.label(), error)
            await asyncio.sleep(SHELF_S)


def _one_line(text: str) -> str:
    """So that a guest cannot write a line of the log that looks like another's."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\N{SYMBOL FOR NEWLINE}" for letter in text)
