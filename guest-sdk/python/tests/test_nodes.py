"""From a signature and a decorator's options to a node class, and what a worker can do to its nodes."""

from __future__ import annotations

import asyncio
import enum
import json
import typing
import unittest

from sandbox import TOLD, Node, Trigger, WIT

import external_worker
import funcnodes as fn
from external_worker import Call, Media, NdArray
from external_worker._host import Nowhere, set_host
from external_worker._kinds import type_json
from external_worker._runtime import describe
from external_worker._runtime.bridge import Bridge
from funcnodes_core import InputMeta, NodeDecorator, NoValue, Shelf, instance_nodefunction, module_to_shelf
from funcnodes_core.node import ClassNode
from funcnodes_worker import FuncNodesExternalWorker


class Mode(enum.Enum):
    FAST = "fast"
    SAFE = "safe"


class Worker(FuncNodesExternalWorker):
    """A worker of this test."""

    NODECLASSID = "nodes"

    async def loop(self) -> None: ...

    @instance_nodefunction()
    def get_count(self) -> int:
        """Tells how many there are.

        Not this.
        """
        return 1

    @instance_nodefunction(
        name="Run it",
        description="Runs.",
        outputs=[{"name": "status", "type": "str"}, {"name": "rest"}],
        default_io_options={
            "mode": {"value_options": {"options": ["fast", "safe"]}, "does_trigger": False},
            "status": {"render_options": {"type": "text"}},
        },
        default_render_options={"data": {"src": "status", "type": "text"}},
        trigger_on_call=False,
        timeout="2min",
    )
    async def run(self, mode: str = "safe", *, times: int = 1) -> typing.Tuple[str, int]:
        return mode, times

    @instance_nodefunction()
    def work(self, call: Call, chosen: Mode, note: typing.Optional[str] = None, secret: object = object()) -> None: ...

    @instance_nodefunction(trigger_on_call=True)
    def again(self, x: int) -> int:
        return x

    @instance_nodefunction()
    def own(self) -> int:
        return self.own() if self.deep else 1

    deep = False

    @get_count.triggers
    def changed(self, x: int) -> int:
        return x

    @get_count.triggers
    async def changed_later(self) -> int:
        return 2


class Child(Worker):
    NODECLASSID = "child"

    @instance_nodefunction()
    def get_count(self) -> int:
        return 2

    def again(self, x: int) -> int:  # a node no more
        return x


def shown(name: str, cls: type[Worker] = Worker) -> typing.Any:
    return describe.node(cls.node_methods()[name].node_class())


class Described(unittest.TestCase):
    def test_a_method_is_a_node_class(self) -> None:
        node = shown("get_count")
        self.assertEqual((node.name, node.title, node.description), ("get_count", "Get_Count", "Tells how many there are.\n\nNot this."))
        self.assertEqual([(port.name, port.type) for port in node.outputs], [("out", '"int"')])
        self.assertEqual((node.inputs, node.trigger_on_call, node.timeout_ms), ([], None, None))

    def test_options_say_more(self) -> None:
        node = shown("run")
        mode, times = node.inputs
        self.assertEqual((node.title, node.description, node.timeout_ms), ("Run it", "Runs.", 120_000))
        self.assertEqual(json.loads(node.render_options), {"data": {"src": "status", "type": "text"}})
        self.assertEqual((mode.default, mode.required, mode.does_trigger), (WIT.Value_Text("safe"), False, False))
        self.assertEqual(json.loads(mode.value_options), {"options": ["fast", "safe"]})
        self.assertEqual((times.name, times.type, json.loads(times.value_options)), ("times", '"int"', {"step": 1}))
        self.assertEqual([(port.name, port.type) for port in node.outputs], [("status", '"str"'), ("rest", '"int"')])
        self.assertEqual(json.loads(node.outputs[0].render_options), {"type": "text"})

    def test_outputs_are_as_many_as_the_annotation_says(self) -> None:
        def said(returns: typing.Any, **options: typing.Any) -> list[tuple[str, str]]:
            def made(): ...

            made.__annotations__["return"] = returns
            node = describe.node(NodeDecorator("made", **options)(made).node_class())
            return [(port.name, json.loads(port.type)) for port in node.outputs]

        self.assertEqual(said(typing.Tuple[int, str]), [("out0", "int"), ("out1", "str")])
        self.assertEqual(said(tuple[int, str], outputs=[{"name": "a"}]), [("a", {"allOf": ["int", "str"]})])
        self.assertEqual(said(tuple[int]), [("out", {"allOf": ["int"]})])
        self.assertEqual(said(tuple[int, ...]), [("out", {"allOf": ["int"]})])
        self.assertEqual(said(None), [])
        self.assertEqual(describe.node(NodeDecorator("n")(lambda: 1).node_class()).outputs, [])
        self.assertEqual([port.name for port in describe.node(NodeDecorator("n", outputs=[{"name": "a"}])(lambda: 1).node_class()).outputs], ["a"])

    def test_the_call_is_no_input(self) -> None:
        node = shown("work")
        self.assertEqual([port.name for port in node.inputs], ["chosen", "note", "secret"])
        chosen, note, secret = node.inputs
        self.assertTrue(chosen.required)
        self.assertEqual(json.loads(chosen.type)["values"], ["fast", "safe"])
        self.assertEqual(json.loads(chosen.value_options)["options"]["keys"], ["FAST", "SAFE"])
        self.assertEqual((note.default, note.required), (WIT.Value_None_(), False))
        # What the contract cannot say is the function's own.
        self.assertEqual((secret.default, secret.required), (None, False))
        self.assertEqual(node.outputs, [])

    def test_a_node_that_calls_is_no_input_either(self) -> None:
        class Pumps(Worker):
            NODECLASSID = "pumps"

            @fn.instance_nodefunction()
            def pump(self, seconds: float, node: typing.Optional[fn.Node] = None) -> str:
                with node.progress(total=2, desc="pumping") as bar:
                    bar.update(1)
                return node.uuid

        described = Pumps.node_methods()["pump"].node_class()
        self.assertEqual(([port.name for port in described.inputs], described.call), (["seconds"], "node"))
        node = described.call_kind.of_call(Call(1, "the-node"))
        self.assertEqual(Pumps("u").pump(1.0, node), "the-node")

    def test_a_name_that_is_not_there_is_a_type_by_its_name(self) -> None:
        def odd(x: Nowhere_, y: typing.List[int]) -> NdArray: ...  # noqa: F821

        node = describe.node(NodeDecorator("odd")(odd).node_class())
        self.assertEqual([json.loads(port.type) for port in (*node.inputs, *node.outputs)][0::2], ["Nowhere_", "ndarray"])
        self.assertEqual(json.loads(node.inputs[1].type)["items"], "int")

    def test_types_are_those_of_funcnodes(self) -> None:
        for annotation, expected in [
            (int, "int"),
            (dict, "dict"),
            (typing.Any, "Any"),
            (None, "None"),
            (NdArray, "ndarray"),
            (Media, "media"),
            (typing.List[int], {"type": "array", "uniqueItems": False, "items": "int"}),
            (typing.Set[str], {"type": "array", "uniqueItems": True, "items": "str"}),
            (typing.Dict[str, float], {"type": "object", "keys": "str", "values": "float"}),
            (typing.Optional[int], {"anyOf": ["int", "None"]}),
            (typing.Union[int, str], {"anyOf": ["int", "str"]}),
            (typing.Tuple[int, str], {"allOf": ["int", "str"]}),
            (typing.Annotated[int, "volts"], "int"),
        ]:
            with self.subTest(annotation=annotation):
                self.assertEqual(type_json(annotation), expected)

    def test_annotated_says_more(self) -> None:
        @NodeDecorator("ids.x", node_name="X")
        def x(a: typing.Annotated[int, InputMeta(hidden=True, description="An a.", default=3)]) -> int:
            return a

        (port,) = describe.node(x.node_class()).inputs
        self.assertEqual((port.hidden, port.description, port.default), (True, "An a.", WIT.Value_Integer(3)))

    def test_a_later_definition_wins(self) -> None:
        self.assertEqual(set(Child.node_methods()), set(Worker.node_methods()) - {"again"})
        self.assertEqual(Child("u").get_count(), 2)

    def test_several_outputs_get_a_value_each(self) -> None:
        node = Worker.node_methods()["run"].node_class()
        self.assertEqual([name for name, _ in describe.outputs(node, ("a", 1))], ["status", "rest"])
        self.assertEqual([name for name, _ in describe.outputs(node, (NoValue, 1))], ["rest"])
        for wrong in (1, ("a",), ("a", 1, 2)):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(ValueError, "status, rest"):
                describe.outputs(node, wrong)

    def test_shelves_are_flat_and_nodes_have_paths(self) -> None:
        @NodeDecorator(id="double")
        def double(x: int) -> int:
            return 2 * x

        def plain() -> str:
            return "p"

        deep = Shelf("deep", nodes=[plain])
        shelf = Shelf(name="lab", description="All.", nodes=[double], subshelves=[Shelf("empty"), Shelf("sub", subshelves=[deep])])
        flat, paths = describe.shelves([shelf])
        self.assertEqual([(one.name, one.parent) for one in flat], [("lab", None), ("empty", 0), ("sub", 0), ("deep", 2)])
        self.assertEqual(set(paths), {"lab/double", "lab/sub/deep/plain"})
        self.assertEqual(paths["lab/double"](4), 8)

    def test_a_module_is_a_shelf(self) -> None:
        import types

        module = types.ModuleType("my_nodes", "Those.")
        module.one = NodeDecorator()(lambda: 1)
        module.other = 3
        shelf = module_to_shelf(module)
        self.assertEqual((shelf.name, len(shelf.nodes)), ("my nodes", 1))


class Triggers(unittest.TestCase):
    def setUp(self) -> None:
        self.host = Nowhere()
        set_host(self.host)
        self.worker = Worker("u")
        self.addCleanup(set_host, Nowhere())

    def test_calling_a_method_without_inputs_triggers_its_nodes(self) -> None:
        self.assertEqual(self.worker.get_count(), 1)
        self.assertEqual(self.host.told, [("request_trigger", "get_count")])

    def test_others_do_not_unless_they_say_so(self) -> None:
        self.worker.work(Call(1), Mode.FAST)
        self.assertEqual(self.host.told, [])
        self.worker.again(1)
        self.assertEqual(self.host.told, [("request_trigger", "again")])

    def test_what_triggers_runs_first(self) -> None:
        self.assertEqual(self.worker.changed(3), 3)
        self.assertEqual(self.host.told, [("request_trigger", "get_count")])

    def test_a_coroutine_triggers_when_it_has_run(self) -> None:
        coroutine = self.worker.changed_later()
        self.assertEqual(self.host.told, [])
        with self.assertRaises(StopIteration):
            coroutine.send(None)
        self.assertEqual(self.host.told, [("request_trigger", "get_count")])

    def test_a_node_does_not_trigger_itself(self) -> None:
        from external_worker._calls import CURRENT

        token = CURRENT.set(Call(1, node="get_count"))
        self.assertEqual(self.worker.get_count(), 1)
        CURRENT.reset(token)
        self.assertEqual(self.host.told, [])

    def test_a_method_that_calls_itself_ends(self) -> None:
        self.worker.deep = True
        with self.assertRaises(RecursionError):
            self.worker.own()
        self.worker.deep = False
        self.assertEqual(self.worker.own(), 1)


class Proxies(unittest.TestCase):
    def setUp(self) -> None:
        TOLD.clear()
        set_host(Bridge())
        self.addCleanup(set_host, Nowhere())
        self.worker = Worker("u")
        TOLD.nodes = [Node("a"), Node("b")]

    def test_options_of_one_node_are_its_own(self) -> None:
        one, other = self.worker.run.nodes()
        one.inputs["mode"].update_value_options(options=["x"], min=1)
        one.inputs["mode"].update_value_options(max=2)
        other.input_mode.update_value_options(max=3)
        told = [(id, json.loads(options)) for what, id, _, options in TOLD.said]
        self.assertEqual(told[1], ("a", {"options": ["x"], "min": 1, "max": 2}))
        self.assertEqual(told[2], ("b", {"options": ["fast", "safe"], "max": 3}))

    def test_values_are_set_with_and_without_a_trigger(self) -> None:
        (node, _) = self.worker.run.nodes(self.worker)
        node.inputs["mode"].value = "fast"
        node["mode"].set_value("safe", does_trigger=False)
        node.get_input("mode").set_value("x", trigger=external_worker.Trigger.NO)
        self.assertEqual([said[-1] for said in TOLD.said], [Trigger.YES, Trigger.NO, Trigger.NO])
        self.assertEqual(node.inputs["mode"].value, "x")
        self.assertIsNone(node.inputs["times"].value)

    def test_none_is_a_default_and_no_value_is_none(self) -> None:
        input = self.worker.run.nodeclass().input_mode
        self.assertEqual(input.default, "safe")
        input.default_value = None
        input.default = NoValue
        self.assertEqual([said[-1] for said in TOLD.said], [WIT.Value_None_(), None])

    def test_what_there_is_not_says_so(self) -> None:
        node = self.worker.run.nodeclass()
        with self.assertRaises(KeyError):
            node.inputs["nothing"]
        with self.assertRaisesRegex(AttributeError, "told of by its inputs"):
            node.outputs
        with self.assertRaisesRegex(NotImplementedError, "made in the graph"):
            self.worker.run.create_node()
        self.assertEqual(list(node.inputs), ["mode", "times"])


class Picks(fn.Node):
    """Hears of its input before it runs."""

    node_id = "picks"
    among = fn.NodeInput(id="among", type=dict)
    key = fn.NodeInput(id="key", type=str)
    value = fn.NodeOutput(id="value", type=int)

    def __init__(self, *args: typing.Any, **kwargs: typing.Any) -> None:
        super().__init__(*args, **kwargs)
        self.get_input("among").on("after_set_value", self.offer)

    def offer(self, src: typing.Any, result: dict[str, int]) -> None:
        self.get_input("key").update_value_options(options=list(result))

    async def func(self, among: dict[str, int], key: str) -> None:
        if key in self.get_input("key").value_options["options"]:
            self.get_output("value").value = among[key]


class Classes(unittest.TestCase):
    def test_a_node_hears_of_its_inputs(self) -> None:
        node = ClassNode(Picks)
        run = lambda **inputs: asyncio.run(node.function(Call(1, "here"), **inputs))  # noqa: E731
        self.assertEqual(run(among={"a": 1}, key="a"), 1)
        self.assertIs(run(among={"a": 1}, key="b"), NoValue)


if __name__ == "__main__":
    unittest.main()
