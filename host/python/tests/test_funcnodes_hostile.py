"""Guests that mean harm, in the FuncNodes Worker that people have: what they do, and what they say of themselves."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import unittest
from types import SimpleNamespace
from typing import Any

from funcnodes_worker_process import HAS_FUNCNODES, SCRIPTS, SECRET, WorkerCase, figures
from support import guest


class Misbehaving(WorkerCase):
    files = (SCRIPTS / "bad.py", guest("basic"))

    async def test_one_that_misbehaves_costs_the_others_nothing(self) -> None:
        # Of the client, whose debug mode would be the most of what is measured.
        asyncio.get_running_loop().set_debug(False)
        victim = await self.worker.add("victim")
        echo = await self.worker.node(f"victim.{victim}.echo")
        number = await self.worker.node("basic.constants/number")
        lines: list[str] = []
        self.addCleanup(lambda: print("\n" + "\n".join(lines)))

        async def neighbours(what: str, seconds: float = 2.0) -> None:
            median, worst, count = await self.worker.latency(echo, seconds)
            lines.append(figures(what, median, worst, count))
            self.assertEqual(await self.worker.compute(number, "out", value=count), count)

        await neighbours("nothing")
        for mode in ("spin", "sysexit", "alloc2g", "raise", "flood"):
            bad = await self.worker.add("bad")
            await self.worker.node(f"bad.{bad}.take")
            answer = await self.configure("bad", bad, mode=mode)
            self.assertIsNotNone(answer)
            await neighbours(f"its loop: {mode}", 4.0)
            self.assertIsNone(self.worker.process.returncode)
            begin = time.monotonic()
            await self.client.call("remove_external_worker", class_id="bad", worker_id=bad)
            lines[-1] += f", removed in {time.monotonic() - begin:.2f} s"
        for method in ("spin", "exit", "eat", "err", "huge"):
            bad = await self.worker.add("bad")
            node = await self.worker.node(f"bad.{bad}.{method}")
            called = asyncio.create_task(self.worker.compute(node, "out"))
            await neighbours(f"its node: {method}")
            if method == "huge":
                # What is shown of it is its beginning.
                self.assertIsInstance(await called, dict, await called)
                self.assertEqual(len(await called), 10, await called)
            elif method != "spin":
                self.assertIsInstance(await called, RuntimeError)
                lines[-1] += f": {str(await called)[:60]!r}"
            await self.client.call("remove_external_worker", class_id="bad", worker_id=bad)
            called.cancel()
        bad = await self.worker.add("bad")
        stolen = str(await self.worker.compute(await self.worker.node(f"bad.{bad}.steal"), "out"))
        for secret in ("victim-secret-token", SECRET, "root:", "WSWorker"):
            self.assertNotIn(secret, stolen)
        self.assertIsNone(self.worker.process.returncode)

    async def test_a_loop_that_fails_is_told(self) -> None:
        bad = await self.worker.add("bad")
        told = self.client.next(
            lambda it: isinstance(it, dict) and it.get("type") == "progress" and "boom" in it["message"]
        )
        await self.configure("bad", bad, mode="raise")
        self.assertEqual((await told)["status"], "error")
        await self.worker.until_logged("boom")

    async def test_one_that_stops_itself_is_removed(self) -> None:
        bad = await self.worker.add("bad")
        await self.configure("bad", bad, mode="stop")
        await self.worker.until(
            lambda it: it["bad"]["instances"] == [] and it, self.worker.classes
        )
        await self.worker.until(lambda it: bad not in it, self.worker.library)


class Owner:
    """Whose nodes those are, of which nothing runs."""


@unittest.skipUnless(HAS_FUNCNODES, "FuncNodes is not installed")
class Hostile(unittest.TestCase):
    """What a guest says of itself, as far as it could mean something to FuncNodes."""

    def setUp(self) -> None:
        from external_worker_host.funcnodes import nodes, values

        self.nodes, self.values = nodes, values

    def test_no_type_imports_a_module(self) -> None:
        self.assertNotIn("antigravity", sys.modules)
        names = ("antigravity.Fly", "List[antigravity.Fly]", "os.system", "")
        for said in (*names, 7, None, {"anyOf": "antigravity.Fly"}):
            self.assertEqual(self.values.type_of(said), "Any", said)
        self.assertEqual(self.values.type_of("int"), "int")
        self.assertEqual(self.values.type_of("media"), "media")
        nested = {"type": "array", "items": "antigravity.Fly", "uniqueItems": False}
        self.node(inputs=[self.port("a", type=nested)])().full_serialize()
        self.assertNotIn("antigravity", sys.modules)

    def test_no_renderer_gets_a_text_into_the_page(self) -> None:
        for wanted in ("svg", "image"):
            made = self.node(
                outputs=[self.port("out", type="str", render_options={"type": wanted})],
                render_options={"data": {"src": "out", "type": wanted}, "io": {"out": {"type": wanted}}},
            )()
            shown = made.full_serialize()
            [port] = [it for it in shown["io"] if it["id"] == "out"]
            options = shown["render_options"]
            for found in (port["render_options"], options["data"], options["io"]["out"]):
                self.assertEqual(found["type"], "string")

    def test_no_name_of_a_port_breaks_a_node(self) -> None:
        names = ["self", "node", "func", "_x", "_inputs", "uuid", "__class__", "inputs", "a b", "é", "x" * 100]
        made = self.node(inputs=[self.port(it) for it in names], outputs=[self.port(it) for it in names])
        node = made()
        self.assertEqual(set(made.input_ids), set(names))
        self.assertEqual(len(set(made.input_ids.values())), len(names))
        self.assertEqual(len(set(made.output_ids.values())), len(names))
        for port in made.input_ids.values():
            node.inputs[port].set_value(1, does_trigger=False)
        json.dumps(made.serialize_cls())
        node.cleanup()

    def test_ports_of_every_node_cannot_be_replaced(self) -> None:
        made = self.node(inputs=[self.port("_triggerinput"), self.port("a")])
        self.assertEqual(list(made.input_ids), ["a"])

    def test_strange_options_are_left_out(self) -> None:
        for options in ([], "x", 3, {"options": {"a": 1}}, {"min": "x"}):
            port = self.port("a", value_options=options, render_options=options)
            self.node(inputs=[port], outputs=[port], render_options=options)().full_serialize()
        self.assertEqual(self.values.node_rendering({"io": [], "data": 3}, {}), {})
        self.assertEqual(self.values.node_rendering({"data": {"src": ["x"], "type": {}}}, {}), {"data": {"src": ["x"]}})

    def test_any_schema_is_handed_on_as_it_is(self) -> None:
        from external_worker_host.funcnodes.config import config_class

        schema = {"type": "object", "$ref": "#/$defs/x", "if": True, "properties": {"model_dump": {}, "self": {}}}
        values = {"model_dump": 1, "self": 2, "copy": {"deep": "secret"}}
        made = config_class("x" * 300, schema, ["copy"]).of(values, {"self": 2})
        self.assertEqual(made.model_json_schema(), schema)
        self.assertEqual(made.model_dump(mode="json"), values)
        self.assertEqual(made.exportable_dict(), {"self": 2})
        self.assertNotIn("secret", f"{made} {made!r}")

    def test_media_is_what_it_may_be_taken_for(self) -> None:
        from external_worker_host import Media
        from funcnodes_core import ByteEncoder, JSONEncoder

        page = Media("text/html", b"<script>")
        whole = ByteEncoder.encode(page, preview=False)
        self.assertEqual((whole.mime, whole.data), ("application/octet-stream", b"<script>"))
        self.assertTrue(ByteEncoder.encode(page, preview=True).data.startswith(b"data:image/svg+xml;base64,"))
        large = Media("image/png", bytes(5_000_000))
        self.assertEqual(ByteEncoder.encode(large, preview=True).mime, "text/plain")
        self.assertLess(len(JSONEncoder.apply_custom_encoding(large)), 2000)
        for text in ("data:image/png;base64,???", "data:image/png,x", "http://a/b.png", "data:x y;base64,AAAA"):
            self.assertEqual(self.values.media_of(text), text)

    # Descriptions as the extension gives them.

    def port(self, name: str, **said: Any) -> Any:
        options = {"type": "Any", "description": None, "default": None, "has_default": False, "required": False}
        more = {"does_trigger": False, "hidden": False, "value_options": None, "render_options": None}
        return SimpleNamespace(name=name, **{**options, **more, **said})

    def node(self, **said: Any) -> Any:
        options = {"title": None, "description": None, "inputs": [], "outputs": [], "render_options": None}
        described = SimpleNamespace(name="method", **{**options, **said})
        self.owner = Owner()
        return self.nodes.node_class(self.owner, described, "method", f"hostile.{time.monotonic_ns()}")


if __name__ == "__main__":
    unittest.main()
