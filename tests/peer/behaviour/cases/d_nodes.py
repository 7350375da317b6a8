"""Nodes: how methods are in the library and in the graph, and how they run."""

from typing import Any

from suite import Theme
from worker import Instance, Worker, equal, holds

theme = Theme("nodes", ["nodes"])
case = theme.case


async def new(w: Worker) -> Instance:
    return await w.add("Nodes")


async def listed(w: Worker, method: str) -> dict[str, Any]:
    return (await (await new(w)).library())[method]


def short(ports: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(port["uuid"], port["type"]) for port in ports]


@case
async def decorated_methods_are_in_the_library(w: Worker) -> None:
    """Every decorated method is a node of the instance's shelf, and nothing else is."""
    found = await (await new(w)).library()
    wanted = (
        "add count named documented node_named options overridden divide nothing choice direct direct_async "
        "slow_double wait open take put gathered impatient streamed spawn spawned cancelled turned"
    )
    equal(sorted(found), sorted(wanted.split()), "the methods")


@case
async def the_shelf_is_the_instance(w: Worker) -> None:
    """The shelf is called by the instance's uuid, and stands in `_external_worker`."""
    instance = await new(w)
    outer = await w.shelf("_external_worker")
    holds(outer is not None, "there is no shelf _external_worker")
    holds(
        instance.uuid in [shelf["name"] for shelf in outer["subshelves"]], "the instance has no shelf in it"
    )


@case
async def an_id_has_three_parts(w: Worker) -> None:
    """The id of a node is `class.instance.method`."""
    instance = await new(w)
    equal((await instance.library())["add"]["node_id"], f"nodes.{instance.uuid}.add", "the id")


@case
async def a_title_is_made_of_the_method(w: Worker) -> None:
    """Without a name a node is called as its method, with a capital letter."""
    equal((await listed(w, "add"))["node_name"], "Add", "the name")


@case
async def underscores_stay_in_a_title(w: Worker) -> None:
    """`slow_double` is shown as `Slow_Double`."""
    equal((await listed(w, "slow_double"))["node_name"], "Slow_Double", "the name")


@case
async def a_name_is_kept(w: Worker) -> None:
    """`name` and `node_name` are the title."""
    equal((await listed(w, "named"))["node_name"], "A name", "by name")
    equal((await listed(w, "node_named"))["node_name"], "Node Name", "by node_name")


@case
async def the_docstring_is_the_description(w: Worker) -> None:
    """The description is the docstring, all of it."""
    equal((await listed(w, "add"))["description"], "Adds two numbers.", "one sentence")
    equal(
        (await listed(w, "documented"))["description"],
        "The first paragraph.\n\nThe second one.",
        "two paragraphs",
    )


@case
async def a_description_is_kept(w: Worker) -> None:
    """`description` wins over the docstring."""
    equal((await listed(w, "named"))["description"], "Said explicitly.", "the description")


@case
async def inputs_come_from_the_signature(w: Worker) -> None:
    """Inputs are the parameters, in their order, with their types; `self` is none."""
    seen = await listed(w, "add")
    equal([list(port) for port in short(seen["inputs"])], [["a", "int"], ["b", "int"]], "the inputs")


@case
async def the_output_is_out(w: Worker) -> None:
    """One output is called `out` and has the type that is returned."""
    equal(
        [list(port) for port in short((await listed(w, "add"))["outputs"])], [["out", "int"]], "the outputs"
    )


@case
async def a_node_that_returns_none_has_no_output(w: Worker) -> None:
    """`-> None` makes no output."""
    equal((await listed(w, "nothing"))["outputs"], [], "the outputs")


@case
async def a_node_without_output_runs(w: Worker) -> None:
    """A node without outputs runs for what it does."""
    instance = await new(w)
    node = await instance.node("nothing")
    ended = node.ends()
    await w.client.call("trigger_node", nid=node.id)
    await w.arrives(ended, "the node runs")
    equal(await instance.ask("count"), 1, "how often it ran")


@case
async def outputs_can_be_said(w: Worker) -> None:
    """`outputs` gives names, types and descriptions."""
    seen = (await listed(w, "options"))["outputs"]
    equal(
        [[one["uuid"], one["type"], one["description"]] for one in seen],
        [["status", "str", "how it is"]],
        "outputs",
    )


@case
async def inputs_can_be_said(w: Worker) -> None:
    """`inputs` gives types and descriptions."""
    seen = (await listed(w, "overridden"))["inputs"]
    equal(
        [[one["uuid"], one["type"], one["description"]] for one in seen],
        [["first", "float", "a number"]],
        "inputs",
    )


@case
async def a_tuple_is_several_outputs(w: Worker) -> None:
    """Several outputs get one part of a tuple each."""
    node = await (await new(w)).node("divide")
    equal(await node.run(out="quotient", a=7), 3, "the first")
    equal(await node.value("rest"), 1, "the second")


@case
async def a_default_is_in_the_node(w: Worker) -> None:
    """A node in the graph says the default of an input."""
    node = await (await new(w)).node("add")
    equal(node.io["b"]["default"], 5, "the default of b")
    equal(node.io["a"]["required"], True, "whether a is required")


@case
async def a_default_is_used(w: Worker) -> None:
    """An input that nobody set has its default."""
    equal(await (await new(w)).ask("add", a=1), 6, "what the node gives")


@case
async def a_node_without_a_value_does_not_run(w: Worker) -> None:
    """A node whose required input has no value is not ready."""
    node = await (await new(w)).node("add")
    equal((await node.state())["status"]["ready"], False, "whether it is ready")
    await node.set("a", 1)
    equal((await node.state())["status"]["ready"], True, "whether it is ready with a value")


@case
async def a_new_node_has_not_run(w: Worker) -> None:
    """A node does not run because it was made: its output has no value."""
    instance = await new(w)
    node = await instance.node("count")
    equal(await node.value(), "<NoValue>", "its output")


@case
async def choices_are_kept(w: Worker) -> None:
    """`value_options` of a list are in the node."""
    node = await (await new(w)).node("options")
    equal(node.io["mode"]["value_options"]["options"], ["fast", "safe"], "the options")


@case
async def limits_are_kept(w: Worker) -> None:
    """`value_options` of a number are in the node."""
    node = await (await new(w)).node("options")
    equal(node.io["level"]["value_options"], {"min": 0, "max": 9, "step": 1}, "the options")


@case
async def an_integer_has_a_step(w: Worker) -> None:
    """An integer's value goes in steps of 1."""
    node = await (await new(w)).node("add")
    equal(node.io["a"]["value_options"], {"step": 1}, "the options")


@case
async def hidden_inputs_are_marked(w: Worker) -> None:
    """`hidden` is in the node."""
    node = await (await new(w)).node("options")
    equal([node.io[name]["hidden"] for name in ("secret", "mode")], [True, False], "whether they are hidden")


@case
async def render_options_are_kept(w: Worker) -> None:
    """`default_render_options` and those of an input are in the node."""
    node = await (await new(w)).node("options")
    equal(node.made["render_options"]["data"], {"src": "status", "type": "text"}, "those of the node")
    equal(node.io["text"]["render_options"], {"type": "text"}, "those of the input")


@case
async def a_quiet_input_does_not_trigger(w: Worker) -> None:
    """An input with `does_trigger: False` takes its value and waits for another."""
    node = await (await new(w)).node("options")
    equal(node.io["quiet"]["does_trigger"], False, "whether it triggers")
    await node.set("quiet", 7)
    await node.rests()
    equal(await node.value("status"), "<NoValue>", "the output")
    equal(await node.run(out="status", level=2), "safe-2-7-0-", "the output after another input")


@case
async def a_literal_is_an_enumeration(w: Worker) -> None:
    """A Literal is an enumeration with its values; its first value is set."""
    node = await (await new(w)).node("choice")
    kind = node.io["level"]["type"]
    equal([kind["type"], kind["values"], kind["nullable"]], ["enum", ["lo", "hi"], False], "the type")
    equal(await node.run(level="hi"), "hi None", "what the node gives")


@case
async def methods_stay_methods(w: Worker) -> None:
    """A decorated method can be called as any method, with positions and names."""
    equal(await (await new(w)).ask("direct"), [6, 3, 7, 9], "what the calls give")


@case
async def async_methods_stay_methods(w: Worker) -> None:
    """A decorated coroutine can be awaited as any other."""
    equal(await (await new(w)).ask("direct_async"), 42, "what the call gives")


@case
async def nodes_of_one_instance_share_its_state(w: Worker) -> None:
    """Nodes run on the instance: what one does, another sees."""
    instance = await new(w)
    for a in range(3):
        await instance.ask("add", a=a)
    equal(await instance.ask("count"), 3, "the calls so far")


@case
async def a_value_goes_along_an_edge(w: Worker) -> None:
    """An output triggers the node at the other end of its edge."""
    instance = await new(w)
    first, second = await instance.node("add"), await instance.node("add")
    edge = {"src_nid": first.id, "src_ioid": "out", "trg_nid": second.id, "trg_ioid": "a"}
    await w.client.call("add_edge", **edge)
    await first.set("a", 10)
    await second.gives(20)


@case
async def an_unknown_method_is_no_node(w: Worker) -> None:
    """A node of a method that is not decorated cannot be made."""
    await w.refused("add_node", id=(await new(w)).id_of("hidden_helper"))
