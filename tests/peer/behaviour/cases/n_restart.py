"""A Worker that is saved, ended and started again. The cases follow one another: the first prepares and restarts."""

from typing import Any

from suite import Theme
from worker import Instance, Node, Worker, equal, holds

theme = Theme("restart", ["lasting"])
case = theme.case
MADE: dict[str, dict[str, Any]] = {}


def made(w: Worker) -> dict[str, Any]:
    return MADE[w.kind]


@case
async def instances_come_back(w: Worker) -> None:
    """After a save and a restart the instances run again, with their ids."""
    one, other = await w.add("Lasting"), await w.add("Other")
    gone = await w.add("Other")
    await w.client.call(
        "update_external_worker", **one.address, name="Kept", config={"count": 5, "token": "s3cret"}
    )
    first, second = await one.node("add"), await one.node("add")
    await w.client.call("set_io_value", nid=first.id, ioid="b", value=4, set_default=True)
    edge = {"src_nid": first.id, "src_ioid": "out", "trg_nid": second.id, "trg_ioid": "a"}
    await w.client.call("add_edge", **edge)
    await gone.remove()
    MADE[w.kind] = {"one": one, "other": other, "gone": gone, "first": first, "second": second, "edge": edge}
    await w.restart()
    await w.eventually(one.is_running, True, "the first", 60.0)
    await w.eventually(other.is_running, True, "the second", 60.0)


@case
async def names_are_kept(w: Worker) -> None:
    """The name that a person gave is there again."""
    equal((await made(w)["one"].entry())["name"], "Kept", "the name")


@case
async def configurations_are_kept(w: Worker) -> None:
    """The configuration is that before the restart, and in force."""
    instance: Instance = made(w)["one"]
    equal((await instance.form())["formData"], {"count": 5, "token": "s3cret"}, "the form's data")
    equal(await instance.ask("add", a=1), 7, "what a node gives")


@case
async def secrets_are_kept(w: Worker) -> None:
    """A save has the secrets: the worker has its own after a restart."""
    equal(await made(w)["one"].ask("token"), "s3cret", "what the author sees")


@case
async def nodes_are_kept(w: Worker) -> None:
    """The nodes are in the graph again with their ids, and run."""
    nodes = {one["id"] for one in await w.client.call("get_nodes")}
    holds({made(w)["first"].id, made(w)["second"].id} <= nodes, "nodes are missing")


@case
async def edges_are_kept(w: Worker) -> None:
    """The edges are there again, and carry values."""
    edge = made(w)["edge"]
    wanted = [edge["src_nid"], edge["src_ioid"], edge["trg_nid"], edge["trg_ioid"]]
    holds(wanted in [list(one) for one in await w.client.call("get_edges")], "the edge is missing")
    second: Node = made(w)["second"]
    await made(w)["first"].set("a", 10)
    # 10 + 4 + 5, and that + 1 + 5
    await second.gives(25)


@case
async def defaults_are_kept(w: Worker) -> None:
    """A default that a person set is there again."""
    equal((await made(w)["first"].io_now("b"))["default"], 4, "the default")


@case
async def what_was_removed_stays_removed(w: Worker) -> None:
    """A removed instance does not come back."""
    holds(made(w)["gone"].uuid not in [one["uuid"] for one in await w.instances()], "it is listed")


@case
async def new_instances_can_be_made(w: Worker) -> None:
    """The classes are there as before."""
    equal(await (await w.add("Other")).ask("noop"), 7, "what a node gives")
