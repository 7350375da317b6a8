"""Workflows of ordinary nodes in which one node is replaced by a sandboxed one: the results are the same. And tables
on their way: what becomes of dates, and that large ones keep nobody waiting."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import unittest
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest import mock

from funcnodes_worker_process import SCRIPTS, Worker, WorkerCase, needs
from support import PATIENCE, Case


@dataclass
class Workflow:
    """Nodes by a name of their own, and the edges between them."""

    packages: tuple[str, ...]
    #: The id of each node's class.
    nodes: dict[str, str]
    #: As `source.output target.input`.
    edges: list[str]
    #: Where values go in, and two that have different results.
    begin: str
    inputs: tuple[Any, Any]
    #: Inputs that stay as they are, in the same form.
    fixed: dict[str, Any]
    #: The node that is replaced, by which method.
    replaced: str
    method: str


TEXT = Workflow(
    ("funcnodes-basic",),
    {
        "lower": "string.lower",
        "split": "string.split",
        "unique": "list_unique",
        "length": "list_length",
        "join": "string.join",
    },
    ["lower.lower split.s", "split.split unique.lst", "unique.out length.lst", "split.split join.strings"],
    "lower.s",
    ("One two one TWO three", "a b"),
    {"split.delimiter": " ", "join.delimiter": "-"},
    "split",
    "split",
)
ARRAYS = Workflow(
    ("funcnodes-numpy",),
    {"begin": "np.linspace", "sum": "np.cumsum", "square": "np.multiply", "again": "np.cumsum"},
    [
        "begin.samples sum.a",
        "sum.cumsum_along_axis square.x1",
        "sum.cumsum_along_axis square.x2",
        "square.y again.a",
    ],
    "begin.stop",
    (49.0, 4.9),
    {"begin.start": 0.7},
    "sum",
    "cumsum",
)
TABLES = Workflow(
    ("funcnodes-numpy", "funcnodes-pandas"),
    {
        "table": "pd.df_from_csv_str",
        "whole": "pd.dropna",
        "about": "pd.describe",
        "text": "pd.df_to_csv_str",
        "numbers": "pd.numeric_only",
        "shape": "np.shape",
    },
    ["table.df whole.df", "whole.out about.df", "whole.out text.df", "whole.out numbers.df", "numbers.out shape.a"],
    "table.source",
    (
        "name,class,age,alive\nAnn,1st,29,True\nBob,,30,False\nCy,3rd,,True\nDé,2nd,0.92,False\n",
        "name,class,age\nAnn,1,2.5\nBob,2,\nCy,3,1e3\n",
    ),
    {"text.index": True},
    "whole",
    "dropna",
)


class Replaced(WorkerCase):
    files = (SCRIPTS / "sheet.py",)

    async def build(self, workflow: Workflow) -> dict[str, str]:
        """The ids of its nodes, by name."""
        for package in workflow.packages:
            await self.client.call("add_package_dependency", name=package)
        nodes = {name: await self.worker.node(node_id) for name, node_id in workflow.nodes.items()}
        for edge in workflow.edges:
            (source, output), (target, port) = (end.split(".") for end in edge.split())
            ends = {"src_nid": nodes[source], "src_ioid": output, "trg_nid": nodes[target], "trg_ioid": port}
            await self.client.call("add_edge", **ends)
        return nodes

    async def replace(self, node: str, node_id: str) -> str:
        """Puts a node of another class in the place of one, as in the web UI: removed, added, connected again."""
        edges = [edge for edge in await self.client.call("get_edges") if node in (edge[0], edge[2])]
        await self.client.call("remove_node", id=node)
        new = await self.worker.node(node_id)
        for edge in edges:
            source, output, target, port = (new if end == node else end for end in edge)
            await self.client.call("add_edge", src_nid=source, src_ioid=output, trg_nid=target, trg_ioid=port)
        return new

    async def results(self, worker: Worker, nodes: dict[str, str]) -> dict[str, Any]:
        """All that comes out of the nodes, whole."""
        found = {}
        for node, output in await self.outputs(worker):
            value = await worker.client.call("get_io_full_value", nid=node, ioid=output)
            [name] = [name for name, it in nodes.items() if it == node]
            found[f"{name}.{output}"] = base64.b64decode(value["data"]) if isinstance(value, dict) else value
        return found

    async def outputs(self, worker: Worker) -> list[tuple[str, str]]:
        """Nodes and their outputs."""
        nodes = await worker.client.call("get_nodes")
        ports = [(node["id"], port) for node in nodes for port in node["io"]]
        return [(node, port["id"]) for node, port in ports if not port["is_input"] and not port["id"].startswith("_")]

    async def first(self, workflow: Workflow, nodes: dict[str, str]) -> list[dict[str, Any]]:
        """The results of both inputs."""
        found = []
        for value in workflow.inputs:
            waited = [self.client.next_value(*it) for it in await self.outputs(self.worker)]
            await self.put(self.worker, nodes, workflow.begin, value)
            for it in waited:
                await it
            found.append(await self.results(self.worker, nodes))
        return found

    async def put(self, worker: Worker, nodes: dict[str, str], where: str, value: Any) -> None:
        name, port = where.split(".")
        await worker.client.call("set_io_value", nid=nodes[name], ioid=port, value=value, set_default=True)

    async def check(self, workflow: Workflow) -> None:
        nodes = await self.build(workflow)
        for where, value in workflow.fixed.items():
            await self.put(self.worker, nodes, where, value)
        expected = await self.first(workflow, nodes)
        for key, value in expected[0].items():
            self.assertNotEqual(value, expected[1][key], key)

        async def same(worker: Worker, which: int) -> None:
            await self.put(worker, nodes, workflow.begin, workflow.inputs[which])
            try:
                await worker.until(lambda it: it == expected[which], lambda: self.results(worker, nodes))
            except TimeoutError:
                self.assertEqual(await self.results(worker, nodes), expected[which])

        uuid = await self.worker.add("sheet")
        node_id = f"sheet.{uuid}.{workflow.method}"
        nodes[workflow.replaced] = await self.replace(nodes[workflow.replaced], node_id)
        await same(self.worker, 0)
        packed = await self.client.call("export_worker")
        await self.client.call("update_from_export", data=packed)
        await same(self.worker, 1)

        other = Worker()
        self.addAsyncCleanup(other.close)
        other.put(SCRIPTS / "sheet.py")
        client = await other.start()
        await client.call("update_from_export", data=packed)
        classes = {node["id"]: node["node_id"] for node in await client.call("get_nodes")}
        self.assertEqual(classes[nodes[workflow.replaced]], node_id)
        for which in (1, 0):
            await same(other, which)

    @needs("funcnodes-basic")
    async def test_texts_and_lists(self) -> None:
        await self.check(TEXT)

    @needs("funcnodes-numpy")
    async def test_arrays(self) -> None:
        await self.check(ARRAYS)

    @needs("funcnodes-pandas")
    async def test_tables(self) -> None:
        await self.check(TABLES)

    @needs("funcnodes-pandas")
    async def test_what_says_that_it_is_an_array_comes_as_one(self) -> None:
        await self.client.call("add_package_dependency", name="funcnodes-pandas")
        column = await self.worker.node("pd.ser_from_list")
        total = await self.worker.node(f"sheet.{await self.worker.add('sheet')}.cumsum")
        await self.client.call("add_edge", src_nid=column, src_ioid="series", trg_nid=total, trg_ioid="a")
        out = self.client.next_value(total, "cumsum_along_axis")
        await self.worker.set(column, "data", [1.5, 2, 3])
        await out
        sums = await self.client.call("get_io_value", nid=total, ioid="cumsum_along_axis")
        self.assertEqual(json.loads(sums), [1.5, 3.5, 6.5])

    @needs("funcnodes-pandas")
    async def test_a_table_is_as_wide_as_its_columns(self) -> None:
        await self.client.call("add_package_dependency", name="funcnodes-pandas")
        rows = await self.worker.node(f"sheet.{await self.worker.add('sheet')}.wrong")
        good = await self.worker.compute(rows, "out", rows=[[1], [2]])
        self.assertEqual(good, {"index": [0, 1], "columns": ["a"], "data": [[1], [2]]})
        for wrong in ([[1], [1, 2, 3]], [[]], [1], [{"a": 1}]):
            self.assertIn("a value for every column", str(await self.worker.compute(rows, "out", rows=wrong)))


@needs("funcnodes-pandas")
class Dates(Case):
    async def test_dates_go_as_exact_texts_and_what_comes_back_is_text(self) -> None:
        import pandas
        from external_worker_host.funcnodes import values

        texts = ["2024-05-01T12:00:00.000000001+02:00", "2024-11-01T12:00:00+01:00"]
        dates = pandas.to_datetime(texts, utc=True, format="ISO8601").tz_convert("Europe/Berlin")
        times = pandas.to_timedelta([1.5, 0], "s")
        frame = pandas.DataFrame({"at": dates, "took": times}, index=[dates[0], pandas.NaT])
        worker = await self.started(SCRIPTS / "sheet.py")
        said = await worker.call("dropna", df=frame)
        rows = [[texts[0], "P0DT0H0M1.5S"], [texts[1], "P0DT0H0M0S"]]
        self.assertEqual(said, {"index": [texts[0], None], "columns": ["at", "took"], "data": rows})
        answer = values.table_of(said)
        self.assertEqual(answer["at"].tolist(), texts)
        # Who knows that they are dates loses nothing.
        self.assertTrue((pandas.to_datetime(answer["at"], utc=True, format="ISO8601") == dates).all())


@needs("funcnodes-pandas")
class Large(Case):
    def setUp(self) -> None:
        import numpy
        from external_worker_host import _values
        from external_worker_host.funcnodes import nodes, sandbox, values
        from pandas import DataFrame

        self.host_values, self.values, self.nodes, self.sandbox = _values, values, nodes, sandbox
        self.DataFrame = DataFrame
        self.numbers = numpy.arange(3 * _values.PIECE).reshape(-1, 10)

    def while_the_loop_turns(self, module: Any, work: str) -> Any:
        """A function of a module that is done after a hundred turns of this loop, of which it waits for each."""
        own, loop = getattr(module, work), asyncio.get_running_loop()

        def turned_before(value: Any) -> Any:
            for _ in range(100):
                turned = threading.Event()
                loop.call_soon_threadsafe(turned.set)
                self.assertTrue(turned.wait(PATIENCE), f"the loop stands still for `{work}`")
            return own(value)

        return self.enterContext(mock.patch.object(module, work, side_effect=turned_before))

    async def test_the_loop_turns_while_a_large_table_is_converted(self) -> None:
        worker = await self.started(SCRIPTS / "sheet.py")
        box = self.sandbox.Sandbox(SimpleNamespace(), "sheet", worker.uuid, None, False)
        box.guest = worker
        [method] = [it for it in worker.class_.methods if it.name == "dropna"]
        node = self.nodes.node_class(box, method, "dropna", f"sheet.{worker.uuid}.dropna")()
        there = self.while_the_loop_turns(self.host_values, "_table_text")
        back = self.while_the_loop_turns(self.values, "table_of")
        frame = self.DataFrame(self.numbers)
        await self.nodes._run(node, df=frame)
        self.assertTrue(node.outputs["out"].value.equals(frame))
        self.assertEqual((there.call_count, back.call_count), (1, 1))

    def test_what_is_made_in_pieces_is_the_whole(self) -> None:
        piece = self.host_values.PIECE
        frames = [self.DataFrame(), self.DataFrame(index=[1, 2]), self.DataFrame(columns=["a"])]
        frames += [self.DataFrame(self.numbers), self.DataFrame(self.numbers.T), self.DataFrame(self.numbers[:-1])]
        for frame in frames:
            self.assertEqual(json.loads(self.host_values.dumps(frame)), self.host_values.table(frame), frame.shape)
        for length in (0, 1, piece, piece + 1, 2 * piece):
            self.assertEqual(json.loads(self.host_values.dumps(list(range(length)))), list(range(length)))
        with mock.patch.object(self.host_values, "_text", side_effect=self.host_values._text) as made:
            self.host_values.dumps(self.DataFrame(self.numbers))
        rows = [call.args[0] for call in made.call_args_list if call.args[0] and isinstance(call.args[0][0], list)]
        self.assertEqual([len(it) for it in rows], [piece // 10] * 3)


if __name__ == "__main__":
    unittest.main()
