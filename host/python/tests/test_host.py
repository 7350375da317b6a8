"""The package as its users have it: what goes in comes out, under asyncio and in plain threads."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import external_worker_host as host
from external_worker_host import Component, Event

from support import PATIENCE, Case, guest, script

try:
    import numpy
except ImportError:
    numpy = None

TALKER = """
    import asyncio
    from typing import Any
    from funcnodes_core import instance_nodefunction
    from funcnodes_worker import FuncNodesExternalWorker

    class Talker(FuncNodesExternalWorker):
        NODECLASSID = "talker"

        async def loop(self):
            self.pause()

        @instance_nodefunction()
        def say(self, what: str) -> str:
            self.emit("said", {"what": what})
            return what

        @instance_nodefunction()
        def spin(self):
            while True:
                pass

        @instance_nodefunction()
        async def wait(self):
            await asyncio.sleep(3600)

        @instance_nodefunction()
        def give_up(self):
            import os
            os.abort()

        @instance_nodefunction()
        def leave(self):
            import sys
            sys.exit(3)

        @instance_nodefunction()
        def same(self, value: Any) -> Any:
            return value
"""


class Values(Case):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def test_what_goes_in_comes_out(self) -> None:
        worker = await self.started(script(self.folder, TALKER))
        values = [None, True, -(2**40), 2**80, 0.5, "ä\U0001f600", b"\0\xff", [1, [2.5, None]], {"a": {"b": []}}]
        for value in values:
            self.assertEqual(await worker.call("same", value=value), value)
            self.assertIs(type(await worker.call("same", value=value)), type(value))

    async def test_pictures_keep_their_type(self) -> None:
        media = host.Media("image/png", b"\x89PNG")
        self.assertEqual((media.media_type, media.data), ("image/png", b"\x89PNG"))
        with self.assertRaises(ValueError):
            host.Media("no type", b"")

    @unittest.skipIf(numpy is None, "numpy is not here")
    async def test_arrays_are_those_of_numpy(self) -> None:
        echo = await self.started(script(self.folder, TALKER))
        arrays = [
            numpy.arange(6, dtype="u1").reshape(2, 3),
            numpy.array([[1.5, numpy.nan]]),
            numpy.array([True, False]),
            numpy.zeros((0, 3), dtype="i4"),
            numpy.arange(6).reshape(2, 3).T,
            numpy.arange(4, dtype=">i2"),
        ]
        for array in arrays:
            back = await echo.call("same", value=array)
            self.assertEqual(back.shape, array.shape)
            numpy.testing.assert_array_equal(back, array)
            back[...] = 0
        self.assertEqual(await echo.call("same", value=numpy.int64(3)), 3)
        self.assertEqual(await echo.call("same", value=numpy.float32(0.5)), 0.5)

    async def test_what_no_guest_can_have_is_named(self) -> None:
        worker = await self.started(script(self.folder, TALKER))
        with self.assertRaisesRegex(TypeError, "`value`: .*object"):
            worker.call("same", value=object())
        loop: list[object] = []
        loop.append(loop)
        with self.assertRaisesRegex(TypeError, "`value`: Circular"):
            worker.call("same", value={"a": loop})

    async def test_more_outputs_are_a_dictionary(self) -> None:
        worker = await self.started(guest("probe_peer"), "value_worker")
        self.assertEqual(await worker.call("divide", a=7, b=2), {"whole": 3, "rest": 1})


class Errors(Case):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def test_a_guest_says_why_with_its_code(self) -> None:
        worker = await self.started(guest("probe_peer"), "value_worker")
        with self.assertRaises(host.GuestError) as raised:
            await worker.call("divide", a=1, b=0)
        self.assertEqual((raised.exception.code, str(raised.exception)), ("invalid-input", "division by zero"))

    async def test_without_a_grant_nothing_is_loaded(self) -> None:
        with self.assertRaises(host.MissingGrants) as raised:
            await Component.load(guest("probe_random"))
        self.assertIn("random", str(raised.exception))

    async def test_what_is_no_component_says_what_to_do(self) -> None:
        path = self.folder / "no.wasm"
        path.write_bytes(b"no")
        with self.assertRaises(host.SandboxError) as raised:
            await Component.load(path)
        self.assertEqual(raised.exception.code, "component")

    async def test_a_policy_that_is_wrong_says_where(self) -> None:
        with self.assertRaisesRegex(host.SandboxError, "line 1"):
            host.Policy.parse("sreial = 3")

    async def test_who_ended_says_so(self) -> None:
        worker = await self.started(guest("probe_peer"), "bench_worker")
        await worker.stop()
        with self.assertRaises(host.Ended):
            await worker.call("inc", a=1)


class Hostile(Case):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def test_one_that_spins_costs_the_loop_and_others_nothing(self) -> None:
        bad = await self.started(script(self.folder, TALKER))
        good = await self.started(guest("probe_peer"), "bench_worker")
        spins = asyncio.ensure_future(_awaited(bad.call("spin")))
        answers = 0
        while not spins.done():
            self.assertEqual(await good.call("inc", a=answers), answers + 1)
            answers += 1
            await asyncio.sleep(0)
        with self.assertRaises(host.SandboxError):
            spins.result()
        self.assertGreater(answers, 100)

    async def test_one_that_aborts_starts_again_and_one_that_exits_goes_on(self) -> None:
        bad = await self.started(script(self.folder, TALKER))
        with self.assertRaisesRegex(host.GuestError, "SystemExit: 3"):
            await bad.call("leave")
        self.assertEqual(bad.status.restarts, 0)
        with self.assertRaises(host.SandboxError):
            await bad.call("give_up")
        async with asyncio.timeout(PATIENCE):
            while bad.status.restarts == 0 or bad.status.state != "running":
                await asyncio.sleep(0.01)
        self.assertEqual(await bad.call("say", what="still here"), "still here")


async def _awaited(pending: host.Pending) -> object:
    return await pending


class Waiting(Case):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def test_a_task_that_is_cancelled_cancels_its_call(self) -> None:
        worker = await self.started(script(self.folder, TALKER))
        task = asyncio.ensure_future(_awaited(worker.call("wait")))
        async with asyncio.timeout(PATIENCE):
            while worker.status.open_calls == 0:
                await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            while worker.status.open_calls > 0:
                await asyncio.sleep(0.01)

    async def test_thousands_of_calls_at_once_all_come_back(self) -> None:
        worker = await self.started(guest("probe_peer"), "bench_worker")
        calls = (_awaited(worker.call_as(f"node{a}", "inc", {"a": a})) for a in range(2000))
        outputs = await asyncio.gather(*calls)
        self.assertEqual(sum(value for out in outputs for value in out.values()), 2000 * 2001 // 2)

    def test_plain_threads_wait_side_by_side(self) -> None:
        component = Component.load(guest("probe_peer")).result(PATIENCE)
        worker = component.start("bench_worker").result(PATIENCE)
        sums = []

        def run() -> None:
            sums.append(sum(worker.call("inc", a=a).result(PATIENCE) for a in range(200)))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(sums, [20100] * 4)
        self.assertEqual(worker.stop().result(PATIENCE), "it was stopped")

    def test_who_waits_lets_other_threads_go_on(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        worker = Component.load(script(folder, TALKER)).result(PATIENCE).start().result(PATIENCE)
        waits = worker.call("wait")
        with self.assertRaises(TimeoutError):
            waits.result(0.01)
        counted = 0
        waiter = threading.Thread(target=lambda: _until_cancelled(waits))
        waiter.start()
        while counted < 1000:
            counted += 1
        worker.kill("enough").result(PATIENCE)
        waiter.join(PATIENCE)
        self.assertFalse(waiter.is_alive())


def _until_cancelled(pending: host.Pending) -> None:
    try:
        pending.result()
    except host.SandboxError:
        pass


class Configuration(Case):
    async def test_it_is_checked_merged_and_kept(self) -> None:
        worker = await self.started(guest("probe_peer"), "demo_worker", config={"interval_s": 2})
        self.assertEqual(worker.config["interval_s"], 2)
        await worker.update_config({"mode": "b"})
        self.assertEqual((worker.config["mode"], worker.config["interval_s"]), ("b", 2))
        with self.assertRaises(host.SandboxError) as raised:
            await worker.update_config({"mode": "c"})
        self.assertEqual(raised.exception.code, "invalid-config")
        self.assertEqual(worker.config["mode"], "b")
        self.assertNotIn("hidden", worker.public_config)
        self.assertNotIn("token", worker.public_config)

    async def test_a_class_says_what_it_is(self) -> None:
        component = await Component.load(guest("probe_peer"))
        demo = component.classes[0]
        self.assertEqual((demo.id, demo.title, demo.is_library), ("demo_worker", "Demo Worker", False))
        self.assertIn("interval_s", demo.config_schema["properties"])
        add = demo.methods[0]
        self.assertEqual([port.name for port in add.inputs], ["a", "b"])
        self.assertEqual((add.inputs[1].default, add.inputs[1].type), (5, "int"))
        worker = await self.started(guest("probe_peer"), "demo_worker")
        (shelf,) = await worker.shelves()
        self.assertEqual((shelf.path, shelf.nodes[0].name), ("extras", "demo_shelf_node"))
        self.assertEqual(await worker.call("extras/demo_shelf_node", x=1.5), 3.0)

    async def test_who_begins_is_asked_before_it_has_started(self) -> None:
        component = await Component.load(guest("probe_peer"))
        worker = component.begin("bench_worker", uuid="0" * 31 + "1", name="first")
        self.assertEqual(await worker.call("inc", a=1), 2)
        await worker.started()
        self.assertEqual((worker.uuid, worker.name), ("0" * 31 + "1", "first"))
        self.assertEqual(await worker.stop(), "it was stopped")


class Told(Case):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def test_the_delay_of_its_loop_is_what_it_says(self) -> None:
        component = await Component.load(guest("probe_host"))
        worker = await component.start("probe", config={"turn_ms": 1})
        await worker.call("slow_down", ms=60_000)
        self.assertEqual(worker.status.loop_delay, 60.0)
        await worker.stop()

    async def test_events_come_in_their_order_until_the_end(self) -> None:
        worker = await self.started(script(self.folder, TALKER))
        events = worker.events()
        await worker.call("say", what="a")
        await worker.call("say", what="b")
        await worker.stop()
        said, states = [], []
        async with asyncio.timeout(PATIENCE):
            async for event in events:
                match event:
                    case Event.Emitted(event="said", data=data):
                        said.append(data["what"])
                    case Event.State(state=state):
                        states.append(state)
        self.assertEqual(said, ["a", "b"])
        self.assertEqual(states[-1], "ended")

    def test_events_are_heard_in_a_plain_thread(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        worker = Component.load(script(folder, TALKER)).result(PATIENCE).start().result(PATIENCE)
        events = worker.events()
        worker.call("say", what="a").result(PATIENCE)
        worker.stop().result(PATIENCE)
        said = [event.data for event in events if isinstance(event, Event.Emitted) and event.event == "said"]
        self.assertEqual(said, [{"what": "a"}])


ENDS = """
import asyncio, sys
from external_worker_host import Component

async def main():
    component = await Component.load(sys.argv[1])
    instance = await component.start("probe", config={"turn_ms": 1})
    listening = asyncio.ensure_future(anext(aiter(instance.events())))
    await asyncio.gather(*(instance.call("noop") for _ in range(8)))
    listening.cancel()
    instance.call("noop")

asyncio.run(main())
"""
"""A script that ends while its guests and their calls go on."""


class Processes(unittest.TestCase):
    def test_an_interpreter_ends_while_guests_go_on(self) -> None:
        for _ in range(8):
            command = [sys.executable, "-c", ENDS, guest("probe_host")]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_a_fork_is_told_that_it_has_no_engine(self) -> None:
        engine = host.Engine.default()
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                Component.load(guest("probe_peer"), engine=engine)
                os.write(writes, b"loaded")
            except RuntimeError as error:
                os.write(writes, str(error).encode())
            os._exit(0)
        os.close(writes)
        said = os.read(reads, 1000).decode()
        os.waitpid(child, 0)
        self.assertIn("forked", said)


if __name__ == "__main__":
    unittest.main()
