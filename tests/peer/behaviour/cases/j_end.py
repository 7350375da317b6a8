"""The end of an instance: removal, `stop`, `cleanup`, and what stays."""

import pathlib

from suite import Theme
from worker import Instance, Worker, equal, holds

theme = Theme("end", ["ending"])
case = theme.case


async def cleans_up(w: Worker, instance: Instance) -> None:
    """The Worker's log has what `cleanup` of the instance says there."""
    log = pathlib.Path(w.peer.options.logs, f"{w.kind}.log")

    async def said() -> bool:
        return f"cleanup of {instance.uuid}" in log.read_text(errors="replace")

    await w.eventually(said, True, "cleanup was called")


@case
async def removal_is_true(w: Worker) -> None:
    """The removal of an instance answers true."""
    equal(await (await w.add("Ending")).remove(), True, "the answer")


@case
async def a_removed_instance_is_not_listed(w: Worker) -> None:
    """It is in no list, and its nodes are not in the library."""
    instance = await w.add("Ending")
    await instance.remove()
    holds(instance.uuid not in [one["uuid"] for one in await w.instances()], "it is listed")
    equal(await w.shelf(instance.uuid), None, "its shelf")


@case
async def nodes_go_with_their_instance(w: Worker) -> None:
    """Its nodes are removed from the graph, each with an event; those of others stay."""
    instance, other = await w.add("Ending"), await w.add("Ending")
    node, stays = await instance.node("id"), await other.node("id")
    removed = w.next_event("node_removed", lambda data: data["node"] == node.id)
    await instance.remove()
    await w.arrives(removed, "node_removed")
    left = [one["id"] for one in await w.client.call("get_nodes")]
    equal([node.id in left, stays.id in left], [False, True], "which nodes are left")


@case
async def edges_go_with_their_nodes(w: Worker) -> None:
    """Edges to the nodes of a removed instance are removed."""
    instance, other = await w.add("Ending"), await w.add("Ending")
    source, target = await instance.node("id"), await other.node("keep")
    edge = {"src_nid": source.id, "src_ioid": "out", "trg_nid": target.id, "trg_ioid": "text"}
    await w.client.call("add_edge", **edge)
    await instance.remove()
    edges = [edge for edge in await w.client.call("get_edges") if source.id in edge]
    equal(edges, [], "the edges")
    equal((await target.io_now("text"))["connected"], False, "whether the other end is connected")


@case
async def removal_is_announced(w: Worker) -> None:
    """Clients hear `external_worker_update` and `lib_update`."""
    instance = await w.add("Ending")
    updated, library = w.next_event("external_worker_update"), w.next_event("lib_update")
    await instance.remove()
    await w.arrives(updated, "external_worker_update")
    await w.arrives(library, "lib_update")


@case
async def stop_cleans_up(w: Worker) -> None:
    """An instance that stops itself is cleaned up."""
    instance = await w.add("Ending")
    await w.client.call("trigger_node", nid=(await instance.node("leave")).id)
    await cleans_up(w, instance)


@case
async def removal_cleans_up(w: Worker) -> None:
    """An instance that is removed is cleaned up."""
    instance = await w.add("Ending")
    await instance.remove()
    await cleans_up(w, instance)


@case
async def the_folder_is_there(w: Worker) -> None:
    """`data_path` is a folder that exists, of the instance's own."""
    one, two = await w.add("Ending"), await w.add("Ending")
    equal(await one.ask("keep", text="a"), "a\n", "the first")
    equal(await two.ask("keep", text="b"), "b\n", "the second")
    equal(await one.ask("keep", text="c"), "a\nc\n", "the first again")


@case
async def the_removal_of_nobody_is_refused(w: Worker) -> None:
    """An unknown instance is an error."""
    await w.refused("remove_external_worker", worker_id="nope", class_id="ending")


@case
async def no_node_is_made_of_it(w: Worker) -> None:
    """A node of a removed instance cannot be made."""
    instance = await w.add("Ending")
    await instance.remove()
    await w.refused("add_node", id=instance.id_of("id"))
