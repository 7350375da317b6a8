"""Shelves of further nodes, and `nodes_update`."""

from typing import Any

from suite import Theme
from worker import Instance, Worker, equal, holds

theme = Theme("shelf", ["shelves"])
case = theme.case


async def filled(w: Worker, which: str) -> Instance:
    instance = await w.add("Shelves")
    await instance.ask("fill", which=which)
    if which != "none":
        await w.eventually(lambda: names(instance), [which], "the shelves")
    return instance


async def names(instance: Instance) -> list[str]:
    return [shelf["name"] for shelf in await instance.shelves()]


async def titles(instance: Instance) -> list[str]:
    return [node["node_name"] for shelf in await instance.shelves() for node in shelf["nodes"]]


async def shelf_node(w: Worker, instance: Instance, title: str) -> Any:
    found = [
        node for shelf in await instance.shelves() for node in shelf["nodes"] if node["node_name"] == title
    ]
    holds(found, f"there is no node {title!r}")
    return found[0]


@case
async def no_shelf_is_none(w: Worker) -> None:
    """When `get_nodeshelf` gives None the instance has its methods only."""
    instance = await w.add("Shelves")
    equal(await names(instance), [], "the shelves")
    holds("fill" in await instance.library(), "its methods are not in the library")


@case
async def a_shelf_stands_in_the_instance(w: Worker) -> None:
    """A shelf is a part of the instance's shelf, with its nodes in order."""
    instance = await filled(w, "flat")
    equal(await titles(instance), ["Double", "Half", "Later"], "the nodes")


@case
async def shelves_stand_in_shelves(w: Worker) -> None:
    """A shelf in a shelf stays there."""
    instance = await filled(w, "deep")
    deep = (await instance.shelves())[0]
    equal(deep["nodes"], [], "the nodes of the outer one")
    equal([shelf["name"] for shelf in deep["subshelves"]], ["deeper"], "the shelves in it")
    equal(
        [node["node_name"] for node in deep["subshelves"][0]["nodes"]],
        ["Double"],
        "the nodes of the inner one",
    )


@case
async def a_shelf_node_is_described(w: Worker) -> None:
    """A node of a shelf has the description of its decorator or its docstring, its inputs and outputs."""
    instance = await filled(w, "flat")
    seen = await shelf_node(w, instance, "Double")
    equal(
        [seen["description"], seen["inputs"][0]["uuid"], seen["outputs"][0]["type"]],
        ["Twice as much.", "x", "int"],
        "the first",
    )
    seen = await shelf_node(w, instance, "Half")
    equal(
        [seen["description"], [one["uuid"] for one in seen["outputs"]]],
        ["Half as much.", ["half", "rest"]],
        "the second",
    )


@case
async def a_shelf_node_is_called_as_its_function(w: Worker) -> None:
    """Without a name a node of a shelf is called as its function."""
    equal(await titles(await filled(w, "untitled")), ["without_title"], "the nodes")


@case
async def a_shelf_node_runs(w: Worker) -> None:
    """A node of a shelf runs in the graph, with its default too."""
    instance = await filled(w, "flat")
    node = await w.node_of((await shelf_node(w, instance, "Double"))["node_id"])
    equal(node.io["x"]["default"], 2, "the default")
    await node.set("x", 21)
    await node.gives(42)


@case
async def a_shelf_node_has_several_outputs(w: Worker) -> None:
    """The parts of a tuple go to the outputs of a node of a shelf."""
    instance = await filled(w, "flat")
    node = await w.node_of((await shelf_node(w, instance, "Half"))["node_id"])
    equal([await node.run(out="half", x=7), await node.value("rest")], [3, 1], "what it gives")


@case
async def a_shelf_node_may_be_async(w: Worker) -> None:
    """An `async def` can stand on a shelf."""
    instance = await filled(w, "flat")
    node = await w.node_of((await shelf_node(w, instance, "Later"))["node_id"])
    equal(await node.run(x=1), 2, "what it gives")


@case
async def nodes_update_changes_the_shelf(w: Worker) -> None:
    """After `emit("nodes_update")` the library has the new shelf and not the old one."""
    instance = await filled(w, "flat")
    await instance.ask("fill", which="deep")
    await w.eventually(lambda: names(instance), ["deep"], "the shelves")


@case
async def nodes_update_removes_the_shelf(w: Worker) -> None:
    """After `emit("nodes_update")` with None there is no shelf, and the methods stay."""
    instance = await filled(w, "flat")
    await instance.ask("fill", which="none")
    await w.eventually(lambda: names(instance), [], "the shelves")
    holds("fill" in await instance.library(), "its methods are not in the library")


@case
async def nodes_update_tells_clients(w: Worker) -> None:
    """Clients hear `lib_update`."""
    instance = await w.add("Shelves")
    node = await instance.node("fill")
    heard = w.next_event("lib_update")
    await node.run(which="flat")
    await w.arrives(heard, "lib_update")


@case
async def a_configuration_changes_the_shelf(w: Worker) -> None:
    """The pattern of the template: `post_config_update` builds the shelf and emits `nodes_update`."""
    instance = await w.add("Shelves")
    await instance.configure(shelves=2)
    await w.eventually(lambda: names(instance), ["outer"], "the shelves")
    outer = (await instance.shelves())[0]
    equal(outer["description"], "the outer one", "the description")
    equal(
        [[one["name"], one["description"]] for one in outer["subshelves"]],
        [["inner 0", "number 0"], ["inner 1", "number 1"]],
        "the shelves in it",
    )


@case
async def set_nodeshelf_updates(w: Worker) -> None:
    """`set_nodeshelf` replaces the shelf and tells so; `nodeshelf()` is it."""
    instance = await w.add("Setting")
    equal(await instance.ask("put", name="mine"), True, "what the author sees")
    await w.eventually(lambda: names(instance), ["mine"], "the shelves")


@case
async def set_nodeshelf_replaces(w: Worker) -> None:
    """A second `set_nodeshelf` replaces the first."""
    instance = await w.add("Setting")
    await instance.ask("put", name="first")
    await w.eventually(lambda: names(instance), ["first"], "the shelves")
    await instance.ask("put", name="second")
    await w.eventually(lambda: names(instance), ["second"], "the shelves")


@case
async def shelves_go_with_their_instance(w: Worker) -> None:
    """A removed instance has no shelf in the library."""
    instance = await filled(w, "flat")
    await instance.remove()
    equal(await w.shelf(instance.uuid), None, "the shelf of the instance")
