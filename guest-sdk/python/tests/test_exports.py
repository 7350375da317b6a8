"""What the component exports, with a program of a test, on the loop of plain Python."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import textwrap
import unittest
from typing import Any

from sandbox import TOLD, WIT, Err

from external_worker._host import Nowhere, set_host
from external_worker._runtime import authored, exports, pauses
from funcnodes_worker import _worker

HEAD = """
import asyncio, os, sys, time
from funcnodes_core import NodeDecorator, Shelf, instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker
import external_worker
from external_worker import Call
"""
WORKER = """
class Config(ExternalWorkerConfig):
    n: int = 1

class Worker(FuncNodesExternalWorker):
    "A worker."
    NODECLASSID = "w"
    NAME = "The worker"
    config_cls = Config
    LOOP_DELAY = 0.25
    said = []

    async def loop(self):
        pass
"""


class Loop:
    """The part of the loop of the runtime that is called."""

    def wake(self) -> None: ...


class Case(unittest.TestCase):
    """One program, one instance."""

    def setUp(self) -> None:
        TOLD.clear()
        self.loop = asyncio.new_event_loop()
        before, path, hooks, streams = set(sys.modules), list(sys.meta_path), list(sys.path_hooks), (sys.stdout, sys.stderr)
        classes, incomplete, state, usual = list(_worker.CLASSES), list(_worker.INCOMPLETE), random.getstate(), os.urandom
        seed = random.Random.seed
        _worker.CLASSES.clear()
        _worker.INCOMPLETE.clear()
        authored._loaded, exports._instance = None, exports.Instance()
        pauses._State.stopping = False
        exports.install(Loop())

        def restore() -> None:
            self.loop.close()
            sys.meta_path[:], sys.path_hooks[:], (sys.stdout, sys.stderr) = path, hooks, streams
            sys.path_importer_cache.clear()
            for name in set(sys.modules) - before:
                del sys.modules[name]
            _worker.CLASSES[:], _worker.INCOMPLETE[:] = classes, incomplete
            random.setstate(state)
            os.urandom = random._urandom = usual
            random.Random.seed = seed
            set_host(Nowhere())

        self.addCleanup(restore)
        self.exports = exports.Worker()

    def program(self, methods: str = "", *, more: str = "", whole: str | None = None) -> None:
        source = whole if whole is not None else WORKER + textwrap.indent(textwrap.dedent(methods), "    ")
        TOLD.entry = "script.py"
        TOLD.files = {"script.py": (HEAD + source + textwrap.dedent(more)).encode()}

    def run_(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def start(self, class_id: str = "w", config: dict[str, Any] | None = None) -> Any:
        info = WIT.InstanceInfo("0" * 32, "")
        self.run_(self.exports.start(class_id, info, json.dumps(config or {"n": 1})))
        return exports._instance.worker

    def call(self, node: str, *inputs: tuple[str, Any], id: int = 1) -> Any:
        return self.run_(self.exports.call(WIT.CallInfo(id, node, "a-node"), list(inputs)))

    def refused(self, coroutine: Any) -> tuple[str, str]:
        with self.assertRaises(Err) as caught:
            self.run_(coroutine)
        return caught.exception.value.code.name, caught.exception.value.message

    def refused_call(self, node: str, *inputs: tuple[str, Any]) -> tuple[str, str]:
        return self.refused(self.exports.call(WIT.CallInfo(1, node, None), list(inputs)))


class Describes(Case):
    def test_a_class(self) -> None:
        self.program("@instance_nodefunction()\ndef f(self) -> int: return 1")
        (cls,) = self.exports.describe()
        told = (cls.class_id, cls.title, cls.description, cls.loop_delay_ms, cls.is_library)
        self.assertEqual(told, ("w", "The worker", "A worker.", 250, False))
        self.assertEqual([method.name for method in cls.methods], ["f"])
        self.assertEqual(json.loads(cls.config_schema)["properties"]["n"]["default"], 1)

    def test_a_library_of_decorated_functions(self) -> None:
        self.program(whole="@NodeDecorator('double')\ndef double(x: int) -> int: return 2 * x\n")
        (cls,) = self.exports.describe()
        self.assertEqual((cls.class_id, cls.is_library, cls.methods), ("script", True, []))
        self.start("script")
        (shelf,) = self.exports.get_nodeshelf()
        self.assertEqual([node.name for node in shelf.nodes], ["double"])
        found = self.call(f"{shelf.name}/double", ("x", WIT.Value_Integer(2)))
        self.assertEqual(found, [("out", WIT.Value_Integer(4))])

    def test_a_worker_and_a_library(self) -> None:
        self.program(more="NODE_SHELF = Shelf('Lab', nodes=[NodeDecorator('n')(lambda: 1)])")
        self.assertEqual([cls.class_id for cls in self.exports.describe()], ["w", "script"])

    def test_what_the_module_announces(self) -> None:
        more = "class Other(Worker):\n    NODECLASSID = 'o'\nFUNCNODES_WORKER_CLASSES = Other\n"
        self.program(more=more)
        self.assertEqual([cls.class_id for cls in self.exports.describe()], ["o"])

    def test_what_is_wrong_has_a_line(self) -> None:
        for more, words in [
            ("import no_such_module", "No module named 'no_such_module' (script.py, line 2"),
            ("sys.exit('bye')", "SystemExit: bye (script.py, line 2"),
            ("class Other(Worker): pass", "have the same NODECLASSID, 'w'"),
        ]:
            with self.subTest(more):
                self.doCleanups()
                self.setUp()
                self.program(more=more)
                with self.assertRaises(BaseException):
                    self.exports.describe()
                ((_, last_words),) = TOLD.said
                self.assertIn(words, last_words)

    def test_a_program_without_a_worker_says_why(self) -> None:
        self.program(whole="class W(FuncNodesExternalWorker):\n    NODECLASSID = 'w'\n")
        with self.assertRaisesRegex(TypeError, r"no worker in it.*W \(script.py, line .*\) has no `loop`"):
            self.exports.describe()


class Starts(Case):
    def test_it_knows_itself(self) -> None:
        self.program("async def setup(self):\n    self.set = (self.running, self.config.n)\n")
        worker = self.start(config={"n": 5})
        self.assertEqual((worker.uuid, worker.name, worker.running), ("0" * 32, f"Worker({'0' * 32})", True))
        self.assertEqual((worker.set, worker.data_path), ((False, 5), None))

    def test_a_wrong_configuration_is_refused(self) -> None:
        self.program()
        code, message = self.refused(self.exports.start("w", WIT.InstanceInfo("u", ""), '{"n": "x"}'))
        self.assertEqual(code, "INVALID_CONFIG")

    def test_a_constructor_that_fails_says_where(self) -> None:
        self.program("def __init__(self, *a, **k):\n    raise RuntimeError('no pump')")
        code, message = self.refused(self.exports.start("w", WIT.InstanceInfo("u", ""), "{}"))
        self.assertEqual(code, "INTERNAL")
        self.assertRegex(message, r"RuntimeError: no pump \(script.py, line \d+\)")

    def test_a_delay_of_its_own_is_told(self) -> None:
        self.program("def __init__(self, *a, **k):\n    super().__init__(*a, **k)\n    self.delay = 0.5")
        self.start()
        self.assertIn(("set_loop_delay", 500), TOLD.said)

    def test_random_bytes_have_to_be_granted(self) -> None:
        methods = "@instance_nodefunction()\ndef draw(self) -> int:\n    import uuid\n    return len(uuid.uuid4().hex)"
        self.program(methods)
        self.start()
        code, message = self.refused_call("draw")
        self.assertEqual(code, "DENIED")
        self.assertIn("random bytes are not granted", message)

    def test_the_environment_is_there_where_it_is_granted(self) -> None:
        self.addCleanup(os.environ.update, {"HOME": os.environ.get("HOME", "")})
        self.program(more="HOME = os.environ['HOME']")
        TOLD.granted = ["env", "random"]
        self.start()
        self.assertEqual(sys.modules["script"].HOME, "/home/lab")


class Calls(Case):
    def test_values_go_in_and_come_out(self) -> None:
        self.program(
            """
            @instance_nodefunction(outputs=[{"name": "a"}, {"name": "b"}])
            async def f(self, x: float, call: Call, y: int = 2):
                await asyncio.sleep(0)
                call.progress(0.5, "half")
                return (x * y, call.caller)
            """
        )
        self.start()
        given = ("x", WIT.Value_Integer(3))
        self.assertEqual(self.call("f", given), [("a", WIT.Value_Number(6.0)), ("b", WIT.Value_Text("a-node"))])
        self.assertIn(("progress", 1, 0.5, "half"), TOLD.said)

    def test_errors_have_codes(self) -> None:
        raises = [
            ("raise RuntimeError('a')", "INTERNAL", "RuntimeError: a"),
            ("raise PermissionError('b')", "DENIED", "PermissionError: b"),
            ("raise TimeoutError('c')", "UNAVAILABLE", "TimeoutError: c"),
            ("raise ConnectionResetError('d')", "UNAVAILABLE", "ConnectionResetError: d"),
            ("raise external_worker.Busy('later')", "BUSY", "later"),
            ("raise external_worker.InvalidInput('no')", "INVALID_INPUT", "no"),
            ("raise external_worker.Denied('not you')", "DENIED", "not you"),
            ("sys.exit(3)", "INTERNAL", "SystemExit: 3"),
            ("raise KeyboardInterrupt", "INTERNAL", "KeyboardInterrupt"),
            ("return f0.__wrapped__(self)", "INTERNAL", "NameError: name 'f0' is not defined"),
            ("return object()", "INTERNAL", "ValueError: the output `out`: it is not what JSON can say"),
        ]
        methods = (f"@instance_nodefunction()\ndef f{at}(self) -> int: {line}\n" for at, (line, _, _) in enumerate(raises))
        self.program("".join(methods))
        self.start()
        for at, (line, code, message) in enumerate(raises):
            with self.subTest(line):
                found, words = self.refused_call(f"f{at}")
                self.assertEqual((found, words[: len(message)]), (code, message))

    def test_inputs_are_checked(self) -> None:
        self.program(
            """
            @instance_nodefunction()
            def f(self, day: "datetime.date", x: int) -> int: return x
            """,
            more="import datetime",
        )
        self.start()
        day = ("day", WIT.Value_Text("2026-01-02"))
        for inputs, words in [
            ([("z", WIT.Value_Integer(1))], "f has no input 'z'"),
            ([day], "f needs the input 'x'"),
            ([("day", WIT.Value_Text("soon"))], "day: ValueError"),
        ]:
            code, message = self.refused_call("f", *inputs)
            self.assertEqual(code, "INVALID_INPUT")
            self.assertIn(words, message)
        code, message = self.refused_call("g")
        self.assertEqual((code, message), ("UNAVAILABLE", "there is no node 'g'"))

    def test_a_traceback_is_several_lines_of_the_log(self) -> None:
        self.program("@instance_nodefunction()\ndef f(self): return {}['x']")
        self.start()
        self.refused_call("f")
        lines = [line for level, line in TOLD.lines if level == "error"]
        self.assertEqual(lines[0], "Traceback (most recent call last):")
        self.assertIn('  File "script.py", line', lines[1])
        self.assertEqual(lines[-1], "KeyError: 'x'")
        self.assertFalse(any("external_worker" in line for line in lines))

    def test_prints_are_lines_of_the_log(self) -> None:
        self.program("@instance_nodefunction()\ndef f(self): print('a\\nb'); print('c', end=''); self.logger.info('%d', 1)")
        self.start()
        self.call("f")
        self.assertEqual(TOLD.lines, [("info", "a"), ("info", "b"), ("info", "Worker: 1"), ("info", "c")])

    def test_a_cancelled_call_cleans_up(self) -> None:
        self.program(
            """
            @instance_nodefunction()
            async def f(self, call: Call):
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0)
                    self.said.append(call.cancelled)
            """
        )
        worker = self.start()

        async def both() -> None:
            task = asyncio.ensure_future(self.exports.call(WIT.CallInfo(7, "f", None), []))
            await asyncio.sleep(0.01)
            self.exports.cancel(8)
            self.exports.cancel(7)
            await task

        self.assertEqual(self.refused(both()), ("UNAVAILABLE", "the call was cancelled"))
        self.assertEqual(worker.said, [True])

    def test_a_blocking_sleep_ends_once(self) -> None:
        self.program(
            """
            @instance_nodefunction()
            def f(self):
                try:
                    pause(5.0)
                finally:
                    pause(0.001)
                    self.said.append("clean")
            """,
            more="from external_worker._runtime.pauses import sleep as pause",
        )
        worker = self.start()
        TOLD.waits = False
        self.assertEqual(self.refused_call("f"), ("UNAVAILABLE", "the call was cancelled"))
        self.assertEqual(worker.said, ["clean"])
        self.assertEqual(TOLD.said[0], ("wait", 2000, 1))

    def test_a_shelf_that_cannot_be_read_leaves_the_last(self) -> None:
        methods = """
            broken = False
            def get_nodeshelf(self):
                if self.broken: raise RuntimeError("broken")
                return Shelf("s", nodes=[NodeDecorator("n", outputs=[{"name": "out"}])(lambda: 1)])
        """
        self.program(methods)
        worker = self.start()
        first = self.exports.get_nodeshelf()
        worker.broken = True
        self.assertEqual(self.exports.get_nodeshelf(), first)
        self.assertEqual(self.call("s/n"), [("out", WIT.Value_Integer(1))])


class Lives(Case):
    def test_turns_that_fail_are_errors(self) -> None:
        self.program("async def loop(self):\n    sys.exit(2)")
        self.start()
        self.assertEqual(self.refused(self.exports.loop()), ("INTERNAL", "SystemExit: 2"))

    def test_a_configuration_that_is_refused_leaves_the_old_one(self) -> None:
        self.program("def post_config_update(self):\n    if self.config.n == 2: raise ValueError('two')")
        worker = self.start()
        self.assertEqual(self.refused(self.exports.update_config('{"n": 2}')), ("INVALID_CONFIG", "ValueError: two"))
        self.assertEqual(worker.config.n, 1)
        self.run_(self.exports.update_config('{"n": 3}'))
        self.assertEqual(worker.config.n, 3)

    def test_the_host_is_told_what_became_of_a_configuration(self) -> None:
        self.program(
            more="""
from pydantic import Field, SecretStr, field_validator

class Made(ExternalWorkerConfig):
    names: list = Field(default_factory=lambda: ["made"])
    label: str = "x"
    key: SecretStr = SecretStr("")

    @field_validator("label")
    def low(cls, value): return value.lower()

class Other(Worker):
    NODECLASSID = "o"
    config_cls = Made
    heard = 0
    def post_config_update(self): self.heard += 1
"""
        )
        worker = self.start("o", config={"label": "x", "key": ""})
        told = {"names": ["made"], "label": "x", "key": ""}
        self.assertEqual((self.configs(), worker.heard), ([told], 0))
        self.run_(self.exports.update_config(json.dumps({**told, "label": "LOUD", "key": "s3cret"})))
        self.assertEqual((self.configs(), worker.heard), ([{**told, "label": "loud", "key": "s3cret"}], 1))
        worker.update_config({"names": []})
        self.assertEqual(self.configs(), [{"names": [], "label": "loud", "key": "s3cret"}])
        worker.update_config({"names": []})
        self.run_(self.exports.update_config(json.dumps({"names": ["a"], "label": "b", "key": ""})))
        self.assertEqual(self.configs(), [])

    def configs(self) -> list[Any]:
        said = [json.loads(arguments[0]) for name, *arguments in TOLD.said if name == "set_config"]
        TOLD.said.clear()
        return said

    def test_a_new_name_is_known_at_once(self) -> None:
        self.program()
        worker = self.start()
        TOLD.name = "Bench 1"
        self.assertEqual(worker.name, "Bench 1")

    def test_state_comes_back_as_it_was(self) -> None:
        self.program("state = None\ndef save(self): return self.state\ndef restore(self, state): self.said.append(state)")
        worker, state = self.start(), exports.State()
        for kept in [{"n": [1, None]}, b"\x00J", b"", "text", 3, b'{"n": 1}']:
            with self.subTest(kept=kept):
                worker.state = kept
                self.run_(state.restore(self.run_(state.save())))
                self.assertEqual(worker.said.pop(), kept)
        worker.state = None
        self.assertEqual(self.run_(state.save()), b"")

    def test_a_worker_without_hooks_has_no_state(self) -> None:
        self.program("@instance_nodefunction()\ndef save(self) -> int: return 1")
        self.start()
        self.assertEqual(self.run_(exports.State().save()), b"")
        self.run_(exports.State().restore(b"J1"))

    def test_stop_lets_everything_clean_up_in_order(self) -> None:
        self.program(
            """
            async def setup(self):
                self.background = asyncio.create_task(self.work("background"))
            async def loop(self):
                await self.work("turn")
            @instance_nodefunction()
            async def f(self):
                await self.work("call")
            async def work(self, what):
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.01)
                    self.said.append(what)
            def cleanup(self):
                self.said.append("cleanup")
                raise RuntimeError("in cleanup")
            """
        )
        worker = self.start()
        turn = self.loop.create_task(self.exports.loop())
        call = self.loop.create_task(self.exports.call(WIT.CallInfo(1, "f", None), []))
        self.run_(asyncio.sleep(0.01))
        self.run_(self.exports.stop())
        self.assertEqual((sorted(worker.said[:2]), worker.said[2:]), (["call", "turn"], ["cleanup", "background"]))
        self.assertIsNone(turn.exception())
        self.assertEqual(call.exception().value.code.name, "UNAVAILABLE")
        self.assertFalse(worker.running)
        self.assertIn("RuntimeError: in cleanup", TOLD.text())


if __name__ == "__main__":
    unittest.main()
