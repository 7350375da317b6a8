"""Events within a worker: `emit`, `on`, `once`, `off`."""

from suite import Theme
from worker import Worker, equal

theme = Theme("events", ["shelves"])
case = theme.case


@case
async def listeners_hear(w: Worker) -> None:
    """`on` hears each event with its source and its message, `once` the first only."""
    instance = await w.add("Shelves")
    await instance.ask("tick", number=1)
    await instance.ask("tick", number=2)
    equal(
        await instance.ask("ticked"),
        [["each", 1, True], ["once", 1, True], ["each", 2, True]],
        "what was heard",
    )


@case
async def emit_says_whether_anybody_listens(w: Worker) -> None:
    """`emit` returns True with a listener, False without."""
    instance = await w.add("Shelves")
    equal(await instance.ask("tick", number=1), True, "with a listener")
    equal(await instance.ask("nobody"), False, "without a listener")


@case
async def off_hears_no_more(w: Worker) -> None:
    """After `off` the listener does not hear the event."""
    instance = await w.add("Shelves")
    await instance.ask("tick", number=1)
    equal(await instance.ask("deaf"), False, "whether anybody listens")
    equal(await instance.ask("ticked"), [["each", 1, True], ["once", 1, True]], "what was heard")
