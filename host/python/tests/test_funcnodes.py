"""Components and scripts in the FuncNodes Worker that people have, over its own websocket, unmodified."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
import tty
import unittest
from pathlib import Path
from typing import Any

from funcnodes_worker_process import HAS_FUNCNODES, SCRIPTS, Worker, WorkerCase, needs
from support import PATIENCE, guest

if HAS_FUNCNODES:
    from client import Client


class Components(WorkerCase):
    files = (guest("probe_peer"), guest("probe_media"), guest("basic"))

    async def test_classes_settings_and_nodes_are_those_of_the_component(self) -> None:
        classes = await self.worker.classes()
        titles = {class_id: it["title"] for class_id, it in classes.items()}
        wanted = {"demo_worker": "Demo Worker", "bench_worker": "BenchWorker", "value_worker": "Value Worker"}
        self.assertEqual(titles, {**wanted, "studio": "Studio"})
        uuid = await self.worker.add("demo_worker")
        form = await self.settings("demo_worker", uuid)
        self.assertEqual(form["jsonSchema"]["properties"]["hidden"]["export"], False)
        self.assertEqual(form["jsonSchema"]["properties"]["interval_s"]["minimum"], 0.05)
        self.assertEqual(form["uiSchema"]["ui:order"][0], "interval_s")
        self.assertEqual(form["formData"], {"interval_s": 1.0, "token": "s3cr3t", "hidden": "x", "mode": "a"})

        run = await self.client.call("add_node", id=f"demo_worker.{uuid}.run")
        ports = {port["id"]: port for port in run["io"]}
        self.assertEqual(ports["mode"]["value_options"], {"options": ["fast", "safe"]})
        self.assertEqual((ports["mode"]["default"], ports["level"]["default"]), ("safe", "lo"))
        self.assertEqual(ports["level"]["type"]["values"], ["lo", "hi"])
        self.assertFalse(ports["gain"]["required"])
        self.assertEqual(run["render_options"], {"data": {"src": "status", "type": "text"}})
        self.assertEqual(run["description"], "explicit description")
        self.assertEqual(await self.worker.compute(run["id"], "status", level="hi", gain=0.5), "safe-hi-0.5")
        add = await self.worker.node(f"demo_worker.{uuid}.add")
        self.assertEqual(await self.worker.compute(add, "out", a=3), 8)
        shelf = f"demo_worker.{uuid}.extras/demo_shelf_node"
        await self.worker.until(lambda it: shelf in it, self.worker.library)
        self.assertEqual(await self.worker.compute(await self.worker.node(shelf), "out", x=4.0), 8.0)
        # Its loop turns.
        count = await self.worker.node(f"demo_worker.{uuid}.get_count")
        await self.worker.until(lambda it: it > 0, lambda: self.worker.compute(count, "out"))

    async def test_values_and_errors_are_what_nodes_of_python_give(self) -> None:
        uuid = await self.worker.add("value_worker")
        own = f"value_worker.{uuid}."
        divide = await self.worker.node(own + "divide")
        self.assertEqual(await self.worker.compute(divide, "rest", a=17, b=5), 2)
        self.assertEqual(await self.client.call("get_io_value", nid=divide, ioid="whole"), 3)
        self.assertIn("division by zero", str(await self.worker.compute(divide, "rest", b=0)))
        reverse = await self.worker.node(own + "reverse")
        self.assertEqual(await self.worker.compute(reverse, "out", items=[1, 2, 3]), [3, 2, 1])
        table = await self.worker.node(own + "table")
        self.assertEqual(await self.worker.compute(table, "out", rows={"a": 1.5}), {"a": 1.5})
        fail = await self.worker.node(own + "fail")
        self.assertIn("for a reason", str(await self.worker.compute(fail, "out", why="for a reason")))
        wrong = await self.worker.node(own + "negate")
        self.assertIn("flag", str(await self.worker.compute(wrong, "out", flag="no boolean")))

    async def test_pictures_are_seen_and_drawings_are_nobodys(self) -> None:
        uuid = await self.worker.add("studio")
        picture = await self.client.call("add_node", id=f"studio.{uuid}.picture")
        self.assertEqual(picture["render_options"], {"data": {"src": "out", "type": "image"}})
        out = self.client.next_value(picture["id"], "out")
        await self.worker.compute(picture["id"], "out")
        self.assertEqual((await out).header["mime"], "image/png")
        self.assertTrue((await out).body.startswith(b"\x89PNG"))
        drawing = await self.worker.node(f"studio.{uuid}.drawing")
        out = self.client.next_value(drawing, "out")
        await self.worker.compute(drawing, "out")
        self.assertEqual((await out).header["mime"], "text/plain")
        self.assertTrue((await out).body.startswith(b"data:image/svg+xml;base64,"))
        source = await self.client.call("add_node", id=f"studio.{uuid}.source")
        [port] = [it for it in source["io"] if it["id"] == "out"]
        self.assertEqual(port["render_options"]["type"], "string")
        # Media goes from node to node, and a data URL is media, too.
        look = await self.worker.node(f"studio.{uuid}.look")
        seen = self.client.next_value(look, "out")
        edge = {"src_nid": picture["id"], "src_ioid": "out", "trg_nid": look, "trg_ioid": "media"}
        await self.client.call("add_edge", **edge)
        self.assertRegex((await seen).body.decode(), r"image/png, \d+ bytes")
        await self.client.call("remove_edge", **edge)
        url = "data:image/jpeg;base64,AAAA"
        self.assertEqual(await self.worker.compute(look, "out", media=url), "image/jpeg, 3 bytes")

    async def test_progress_of_a_call_is_that_of_its_node(self) -> None:
        uuid = await self.worker.add("studio")
        develop = await self.worker.node(f"studio.{uuid}.develop")

        def shows(text: str) -> Any:
            return lambda it: (
                isinstance(it, dict)
                and it.get("event") == "progress"
                and it["data"]["node"] == develop
                and it["data"]["info"]["prefix"].startswith(text)
            )

        begins, ends = self.client.next(shows("developing")), self.client.next(shows("idle"))
        self.assertEqual(await self.worker.compute(develop, "out", steps=4), 4)
        info = (await begins)["data"]["info"]
        self.assertTrue(0 <= info["n"] < info["total"], info)
        await ends

    async def test_instances_nodes_and_edges_survive_and_exports_have_no_secrets(self) -> None:
        uuid = await self.worker.add("demo_worker")
        await self.client.call("get_worker_dependencies")
        secrets = {"token": "first-secret", "hidden": "second-secret"}
        answer = await self.configure("demo_worker", uuid, interval_s=2.5, **secrets)
        self.assertEqual(answer["type"], "result")
        await self.client.call("update_external_worker", class_id="demo_worker", worker_id=uuid, name="My Demo")
        shelf = f"demo_worker.{uuid}.extras/demo_shelf_node"
        await self.worker.until(lambda it: shelf in it, self.worker.library)
        add, double = await self.worker.node(f"demo_worker.{uuid}.add"), await self.worker.node(shelf)
        product = await self.worker.node("basic.math/multiply")
        for source, target, port in ((add, double, "x"), (double, product, "a")):
            edge = {"src_nid": source, "src_ioid": "out", "trg_nid": target, "trg_ioid": port}
            await self.client.call("add_edge", **edge)
        await self.worker.set(product, "b", 10)
        await self.worker.set(add, "a", 1)

        text = await self.exported()
        self.assertIn(uuid, text)
        for secret in secrets.values():
            self.assertNotIn(secret, text)
        self.assertIn("first-secret", await self.saved(uuid))
        configuration = "".join(it.read_text() for it in self.worker.data.glob("config/workers/*.json"))
        self.assertIn("demo_worker", configuration)
        for secret in secrets.values():
            self.assertNotIn(secret, configuration)
            self.assertNotIn(secret, self.worker.logged())
            self.assertNotIn(secret, json.dumps(await self.client.call("get_worker_dependencies")))

        await self.restart()
        nodes = {node["id"]: node["node_id"] for node in await self.client.call("get_nodes")}
        wanted = {add: f"demo_worker.{uuid}.add", double: shelf, product: "basic.math/multiply"}
        self.assertEqual(nodes, wanted)
        self.assertEqual(len(await self.client.call("get_edges")), 2)
        form = await self.settings("demo_worker", uuid)
        self.assertEqual(form["formData"], {"interval_s": 2.5, "mode": "a", **secrets})
        [instance] = (await self.worker.classes())["demo_worker"]["instances"]
        self.assertEqual((instance["name"], instance["running"]), ("My Demo", True))
        out = self.client.next_value(product, "out")
        await self.worker.set(add, "a", 2)
        await out
        self.assertEqual(await self.client.call("get_io_value", nid=product, ioid="out"), 140)

    async def test_an_import_brings_the_instance_with_its_uuid_and_not_twice(self) -> None:
        uuid = await self.worker.add("demo_worker")
        add = await self.worker.node(f"demo_worker.{uuid}.add")
        await self.worker.set(add, "a", 30)
        await self.saved(uuid)
        packed = await self.client.call("export_worker")
        for _ in range(2):
            await self.client.call("update_from_export", data=packed)
            instances = (await self.worker.classes())["demo_worker"]["instances"]
            self.assertEqual([it["uuid"] for it in instances], [uuid])
        self.assertEqual(await self.worker.compute(add, "out", a=31), 36)
        await self.client.call("remove_external_worker", class_id="demo_worker", worker_id=uuid)
        self.assertEqual((await self.worker.classes())["demo_worker"]["instances"], [])

    async def test_what_is_not_valid_is_refused_and_the_old_settings_hold(self) -> None:
        uuid = await self.worker.add("demo_worker")
        answer = await self.configure("demo_worker", uuid, interval_s=0)
        self.assertEqual(answer["type"], "error")
        self.assertIn("/interval_s", answer["error"])
        self.assertEqual((await self.settings("demo_worker", uuid))["formData"]["interval_s"], 1.0)

    async def test_a_removed_instance_is_gone_at_once_with_its_nodes(self) -> None:
        uuid = await self.worker.add("demo_worker")
        await self.worker.node(f"demo_worker.{uuid}.add")
        begin = time.monotonic()
        removed = await self.client.call("remove_external_worker", class_id="demo_worker", worker_id=uuid)
        took = time.monotonic() - begin
        self.assertTrue(removed)
        self.assertEqual(await self.client.call("get_nodes"), [])
        self.assertNotIn(uuid, await self.worker.library())
        self.assertEqual((await self.worker.classes())["demo_worker"]["instances"], [])
        print(f"\nremoved in {took * 1000:.0f} ms")
        print(f"the Worker ended in {await self.worker.stop():.2f} s")


class Scripts(WorkerCase):
    files = (SCRIPTS / "chooser.py",)

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.uuid = await self.worker.add("chooser")

    async def own(self, method: str) -> str:
        return await self.worker.node(f"chooser.{self.uuid}.{method}")

    async def test_a_guest_looks_at_the_nodes_of_its_graph_and_changes_them(self) -> None:
        pick, choose = await self.own("pick"), await self.own("choose")
        out = self.client.next_value(pick, "out")
        self.assertEqual(await self.worker.compute(choose, "out", item="two"), 1)
        self.assertEqual((await out).body, b"two")
        await self.worker.set(pick, "item", "one")
        self.assertEqual(await self.worker.compute(await self.own("seen"), "out"), ["one"])
        out = self.client.next_value(pick, "out")
        await self.worker.compute(await self.own("trigger"), "out")
        await out
        await self.worker.until_logged("chose two")
        await self.client.call("remove_node", id=pick)
        self.assertEqual(await self.worker.compute(choose, "out"), 0)

    async def test_options_and_shelves_follow_the_settings(self) -> None:
        pick = await self.own("pick")
        say = f"chooser.{self.uuid}.sayings/say_one"
        await self.worker.until(lambda it: say in it, self.worker.library)
        node = await self.worker.node(say)
        self.assertEqual(await self.worker.compute(node, "out", times=2), "oneone")
        changed = self.client.next_event("after_update_value_options")
        await self.configure("chooser", self.uuid, items=["red", "blue"])
        data = (await changed)["data"]
        self.assertEqual((data["node"], data["io"]), (pick, "item"))
        self.assertEqual(data["result"], {"options": ["red", "blue"]})
        await self.worker.until(lambda it: "say_red" in it and "say_one" not in it, self.worker.library)
        new = await self.client.call("add_node", id=f"chooser.{self.uuid}.pick")
        [item] = [it for it in new["io"] if it["id"] == "item"]
        self.assertEqual(item["value_options"], {"options": ["red", "blue"]})

    async def test_secrets_at_every_depth_stay(self) -> None:
        text = await self.exported()
        self.assertIn("example.org", text)
        self.assertNotIn("inner-secret", text)
        self.assertNotIn("outer-secret", text)
        self.assertIn("inner-secret", await self.saved(self.uuid))

    async def test_a_new_version_goes_on_where_the_old_one_was(self) -> None:
        pick = await self.own("pick")
        await self.configure("chooser", self.uuid, limit=7)
        source = (SCRIPTS / "chooser.py").read_text()
        before = "def pick(self, item: str) -> str:\n        return item"
        after = "def pick(self, item: str, twice: bool = True) -> str:\n        return item * (1 + twice)"
        self.assertIn(before, source)

        self.worker.write("chooser.py", source + "\nthis is no Python\n")
        await self.worker.until_logged("chooser.py is not taken in; the version before goes on")
        self.assertEqual(await self.worker.compute(pick, "out", item="one"), "one")

        self.worker.write("chooser.py", source.replace(before, after))
        await self.worker.until(
            lambda it: any(port["id"] == "twice" for node in it for port in node["io"]),
            lambda: self.client.call("get_nodes"),
        )
        self.assertEqual(await self.worker.compute(pick, "out", item="two"), "twotwo")
        self.assertEqual((await self.settings("chooser", self.uuid))["formData"]["limit"], 7)
        [instance] = (await self.worker.classes())["chooser"]["instances"]
        self.assertEqual((instance["uuid"], instance["running"]), (self.uuid, True))

    async def test_what_is_gone_goes_on_and_is_not_offered(self) -> None:
        pick = await self.own("pick")
        (self.worker.folder / "chooser.py").unlink()
        await self.worker.until(lambda it: "chooser" not in it, lambda: self._with_none(self.worker.classes))
        self.assertEqual(await self.worker.compute(pick, "out", item="one"), "one")
        self.worker.put(SCRIPTS / "chooser.py")
        await self.worker.until(lambda it: "chooser" in it, lambda: self._with_none(self.worker.classes))
        [instance] = (await self.worker.classes())["chooser"]["instances"]
        self.assertEqual(instance["uuid"], self.uuid)

    async def _with_none(self, ask: Any) -> Any:
        return {**await ask(), "": None}

    async def test_what_is_dropped_while_it_runs_is_there(self) -> None:
        shown = self.client.next_event("external_worker_update")
        self.worker.put(guest("probe_peer"))
        await shown
        uuid = await self.worker.add("demo_worker")
        self.assertEqual(await self.worker.compute(await self.worker.node(f"demo_worker.{uuid}.add"), "out", a=1), 6)

    async def test_a_class_id_that_is_taken_is_left_out(self) -> None:
        other = (SCRIPTS / "chooser.py").read_text().replace('NAME = "Chooser"', 'NAME = "Another"')
        self.worker.write("another.py", other)
        self.worker.put(guest("basic"))
        await self.worker.until_logged("is left out: chooser has one of this id")
        await self.worker.until(lambda it: '"Basic"' in it, self.worker.library)
        self.assertEqual((await self.worker.classes())["chooser"]["title"], "Chooser")


class States(WorkerCase):
    files = (guest("probe_upgrade"),)

    async def test_state_goes_along_over_restarts_and_versions(self) -> None:
        uuid = await self.worker.add("upgrade")
        bump = await self.worker.node(f"upgrade.{uuid}.bump")
        self.assertEqual(await self.worker.compute(bump, "out", by=5), 5)
        await self.saved(uuid)
        await self.restart()
        self.assertEqual(await self.worker.compute(bump, "out"), 10)
        # A version that does not start changes nothing.
        self.worker.put(guest("probe_upgrade_broken"), "probe_upgrade.wasm")
        await self.worker.until_logged("the new version does not start, the old one goes on")
        self.assertEqual(await self.worker.compute(bump, "out"), 15)
        self.worker.put(guest("probe_upgrade"))
        await self.worker.until_logged("upgrade of the folder")
        self.assertEqual(await self.worker.compute(bump, "out"), 20)


class Libraries(WorkerCase):
    files = (guest("basic"), guest("probe_library"))

    async def test_libraries_are_there_again_after_they_ended(self) -> None:
        shelves = [it["name"] for it in (await self.client.call("get_library"))["shelves"]]
        self.assertEqual(sorted(it for it in shelves if it.startswith("Basic")), ["Basic", "Basic (probe_library)"])
        calls = await self.worker.node("probe_library.calls")
        self.assertEqual(await self.worker.compute(calls, "out"), 1)
        for method in ("fails", "stops"):
            await self.client.call("trigger_node", nid=await self.worker.node(f"probe_library.{method}"))
            # The one that goes may answer still.
            await self.worker.until(lambda it: it == 1, lambda: self.worker.compute(calls, "out"))

    async def test_a_library_that_goes_and_comes_back_has_the_nodes_that_it_had(self) -> None:
        self.worker.put(SCRIPTS / "chooser.py")
        number = await self.worker.node("basic.constants/number")
        self.assertEqual(await self.worker.compute(number, "out", value=1), 1)
        (self.worker.folder / "basic.wasm").unlink()
        await self.worker.until(lambda it: '"Basic"' not in it, self.worker.library)
        self.assertIn("it was stopped", str(await self.worker.compute(number, "out", value=2)))
        self.worker.put(guest("basic"))
        await self.worker.until(lambda it: '"Basic"' in it, self.worker.library)
        self.assertEqual(await self.worker.compute(number, "out", value=3), 3)


class Grants(WorkerCase):
    files = (guest("probe_env"),)

    async def test_the_policy_is_beside_the_file_and_a_change_of_it_is_noticed(self) -> None:
        self.assertEqual(await self.worker.classes(), {})
        self.assertIn("probe_env.wasm is not taken in", self.worker.logged())
        self.worker.write("probe_env.policy.toml", '[env]\nvars = { GREETING = "hello" }\n')
        uuid = await self.worker.add("env")
        variables = await self.worker.node(f"env.{uuid}.vars2")
        self.assertEqual(await self.worker.compute(variables, "out"), ["GREETING=hello"])
        self.worker.write("probe_env.policy.toml", "[env\n")
        await self.worker.until_logged("the version before goes on")
        self.worker.write("probe_env.policy.toml", '[env]\nvars = { GREETING = "bye" }\n')
        await self.worker.until(
            lambda it: it == ["GREETING=bye"], lambda: self.worker.compute(variables, "out")
        )


@needs("funcnodes-worker")
class TwoWorkers(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.workers = [Worker(), Worker()]
        for worker in self.workers:
            self.addCleanup(shutil.rmtree, worker.data)
            worker.put(SCRIPTS / "chooser.py")
        script = Path(__file__).with_name("two_workers.py")
        with open(self.workers[0].log, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(script)),
                *(str(worker.folder.parent) for worker in self.workers),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self.addAsyncCleanup(self.process.wait)
        self.addCleanup(self.process.stdin.close)
        urls = json.loads(await asyncio.wait_for(self.process.stdout.readline(), PATIENCE))
        for worker, url in zip(self.workers, urls):
            worker.client = await self.enterAsyncContext(Client(url))

    async def test_each_has_its_own_workers_of_the_same_file(self) -> None:
        (first, one), (second, two) = [(worker, await worker.add("chooser")) for worker in self.workers]
        for worker, uuid in ((first, one), (second, two)):
            instances = (await worker.classes())["chooser"]["instances"]
            self.assertEqual([it["uuid"] for it in instances], [uuid])
            where = {"class_id": "chooser", "worker_id": uuid}
            settings = {"name": f"that of {uuid}", "config": {"items": [uuid]}}
            await worker.client.call("update_external_worker", **where, **settings)
            say = f"chooser.{uuid}.sayings/say_{uuid}"
            await worker.until(lambda it: say in it, worker.library)
            self.assertEqual(await worker.compute(await worker.node(say), "out", times=1), uuid)
        pick = await second.node(f"chooser.{two}.pick")
        first.write("chooser.py", (SCRIPTS / "chooser.py").read_text().replace('NAME = "Chooser"', 'NAME = "Newer"'))
        await first.until(lambda it: it["chooser"]["title"] == "Newer", first.classes)
        await first.client.call("remove_external_worker", class_id="chooser", worker_id=one)
        self.assertEqual((await first.classes())["chooser"]["instances"], [])
        found = (await second.classes())["chooser"]
        self.assertEqual((found["title"], found["instances"][0]["name"]), ("Chooser", f"that of {two}"))
        self.assertEqual(await second.compute(pick, "out", item=two), two)


class Ports(WorkerCase):
    """A guest with a serial port, of which only one can have it."""

    async def asyncSetUp(self) -> None:
        self.line, other_end = os.openpty()
        tty.setraw(other_end)
        self.addCleanup(os.close, self.line)
        self.addCleanup(os.close, other_end)
        self.files = (guest("probe_serial"),)
        await super().asyncSetUp()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.line, lambda: os.write(self.line, os.read(self.line, 256)))
        self.addCleanup(loop.remove_reader, self.line)
        device = os.ttyname(other_end)
        policy = f'[[serial]]\nname = "bench"\ndevice = "{device}"\nbaud-rates = [9600]\n'
        self.worker.write("probe_serial.policy.toml", policy)
        self.uuid = await self.worker.add("serial")
        self.open = await self.worker.node(f"serial.{self.uuid}.open")
        self.ask = await self.worker.node(f"serial.{self.uuid}.ask")

    async def opened(self) -> None:
        done = self.client.next(
            lambda it: isinstance(it, dict)
            and it.get("event") in ("triggerdone", "triggerfast")
            and it["data"]["node"] == self.open
        )
        for port, value in (("name", "bench"), ("baud_rate", 9600)):
            await self.worker.set(self.open, port, value)
        await self.client.call("trigger_node", nid=self.open)
        await done

    async def test_who_uses_what_was_not_granted_sees_it_at_the_node(self) -> None:
        told = self.client.next(
            lambda it: isinstance(it, dict) and it.get("type") == "progress" and "[[serial]]" in it["message"]
        )
        self.assertIn("other", str(await self.worker.compute(self.open, "out", name="other", baud_rate=9600)))
        self.assertEqual((await told)["status"], "error")

    async def test_a_new_version_has_the_port_of_the_old_one(self) -> None:
        await self.opened()
        self.assertEqual(await self.worker.compute(self.ask, "out", line="one", ms=10_000), "one")
        # A section that nobody reads: other bytes, the same code.
        other = guest("probe_serial").read_bytes() + b"\0\x06\x04note\0"
        (self.worker.data / "other.wasm").write_bytes(other)
        self.worker.put(self.worker.data / "other.wasm", "probe_serial.wasm")
        closed = await self.worker.until(
            lambda it: it if isinstance(it, RuntimeError) else None,
            lambda: self.worker.compute(self.ask, "out", line="two", ms=10_000),
        )
        self.assertIn("the port is closed", str(closed))

        async def asked_anew() -> object:
            await self.opened()
            return await self.worker.compute(self.ask, "out", line="three", ms=10_000)

        # The one that goes may answer still.
        await self.worker.until(lambda it: it == "three", asked_anew)


class Packages(WorkerCase):
    async def asyncSetUp(self) -> None:
        self.worker = Worker()
        self.addAsyncCleanup(self.worker.close)
        site = self.worker.data / "site"
        package, said = site / "acme_workers", site / "acme_workers-1.0.dist-info"
        package.mkdir(parents=True)
        said.mkdir()
        (package / "__init__.py").write_text("raise RuntimeError('nothing of it is imported')")
        (package / "demo.wasm").write_bytes(guest("probe_peer").read_bytes())
        (package / "chooser.py").write_text((SCRIPTS / "chooser.py").read_text())
        (said / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-workers\nVersion: 1.0\n")
        entries = "acme = acme_workers\nacme-chooser = acme_workers:chooser.py\n"
        (said / "entry_points.txt").write_text(f"[external_worker_host.workers]\n{entries}")
        self.client = await self.worker.start()

    async def test_what_a_package_advertises_is_there(self) -> None:
        classes = await self.worker.classes()
        self.assertEqual(classes["demo_worker"]["module"], "demo")
        self.assertEqual(classes["chooser"]["module"], "acme-chooser")
        uuid = await self.worker.add("chooser")
        pick = await self.worker.node(f"chooser.{uuid}.pick")
        self.assertEqual(await self.worker.compute(pick, "out", item="one"), "one")


@needs("funcnodes-numpy")
class Arrays(WorkerCase):
    files = (guest("basic"),)

    async def test_arrays_go_to_ordinary_nodes_and_come_back(self) -> None:
        await self.client.call("add_package_dependency", name="funcnodes-numpy")
        spaced = await self.worker.node("basic.statistics/evenly_spaced")
        made = await self.client.call("add_node", id="np.cumsum")
        outputs = [it["id"] for it in made["io"] if not it["is_input"] and not it["hidden"]]
        summed, sums = made["id"], outputs[0]
        largest = await self.worker.node("basic.statistics/largest")
        for source, output, target, port in ((spaced, "out", summed, "a"), (summed, sums, largest, "array")):
            edge = {"src_nid": source, "src_ioid": output, "trg_nid": target, "trg_ioid": port}
            await self.client.call("add_edge", **edge)
        out = self.client.next_value(largest, "out")
        # FuncNodes shows an array of numpy as a text.
        numbers = await self.worker.compute(spaced, "out", start=0.0, end=4.0, count=5)
        self.assertEqual(json.loads(numbers), [0.0, 1.0, 2.0, 3.0, 4.0])
        await out
        numbers = await self.client.call("get_io_value", nid=summed, ioid=sums)
        self.assertEqual(json.loads(numbers), [0.0, 1.0, 3.0, 6.0, 10.0])
        self.assertEqual(await self.client.call("get_io_value", nid=largest, ioid="out"), 10.0)
        [port] = [it for it in (await self.client.call("get_node_state", nid=spaced))["io"] if it["id"] == "out"]
        self.assertEqual(port["type"], "numpy.ndarray")


if __name__ == "__main__":
    unittest.main()
