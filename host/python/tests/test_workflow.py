"""Workflows of ordinary nodes in which one node is replaced by a sandboxed one: the results are the same."""

from __future__ import annotations

import base64
import importlib.util
import json
import unittest
from dataclasses import dataclass
from typing import Any

from funcnodes_worker_process import HAS_FUNCNODES, SCRIPTS, Worker, WorkerCase


def needs(package: str) -> Any:
    """Skips what needs a package with nodes that is not installed."""
    there = HAS_FUNCNODES and importlib.util.find_spec(package.replace("-", "_"))
    return unittest.skipUnless(there, f"{package} is not installed")


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


if __name__ == "__main__":
    unittest.main()
