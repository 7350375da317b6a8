"""`trigger_on_call`, `.triggers`, and the nodes of a method: `.nodes()` and `.nodeclass()`."""

from suite import Theme
from worker import Instance, Node, Worker, equal

theme = Theme("triggers", ["triggers"])
case = theme.case


async def new(w: Worker, method: str) -> tuple[Instance, Node]:
    """An instance and a node of the method, which ran once where it can."""
    instance = await w.add("Triggers")
    return instance, await instance.node(method)


async def stays(node: Node, instance: Instance, wanted: object) -> None:
    """The output does not change: looked at after another node of the instance ran and this one rests."""
    await instance.ask("no_class")
    await node.rests()
    equal(await node.value(), wanted, "the output")


@case
async def no_inputs_trigger_on_call(w: Worker) -> None:
    """Unless it is said, calling a method without inputs triggers its nodes."""
    instance, node = await new(w, "unsaid")
    equal(await node.run(), 0, "the output at first")
    equal(await instance.ask("call", what="unsaid", number=4), 4, "what the call gives")
    await node.gives(4)


@case
async def inputs_do_not_trigger_on_call(w: Worker) -> None:
    """Unless it is said, calling a method with inputs triggers nothing."""
    instance, node = await new(w, "unsaid_with_input")
    equal(await node.run(a=1), 1, "the output at first")
    equal(await instance.ask("call", what="unsaid_with_input", number=4), 4, "what the call gives")
    await stays(node, instance, 1)


@case
async def true_triggers_on_call(w: Worker) -> None:
    """With `trigger_on_call=True` nodes run, with their own inputs, when the method is called."""
    instance, node = await new(w, "always")
    equal(await node.run(a=10), 10, "the output at first")
    equal(await instance.ask("call", what="always", number=4), 4, "what the call gives")
    await node.gives(14)


@case
async def true_triggers_every_node(w: Worker) -> None:
    """All nodes of the method run, not one of them."""
    instance, one = await new(w, "always")
    two = await instance.node("always")
    await instance.ask("call", what="always", number=6)
    await one.gives(6)
    await two.gives(6)


@case
async def false_does_not_trigger_on_call(w: Worker) -> None:
    """With `trigger_on_call=False` a call is a call."""
    instance, node = await new(w, "never")
    equal(await node.run(), 0, "the output at first")
    await instance.ask("call", what="never", number=4)
    await stays(node, instance, 0)


@case
async def running_a_node_is_no_call(w: Worker) -> None:
    """A node that runs does not trigger the others of its method."""
    instance, one = await new(w, "always")
    two = await instance.node("always")
    equal(await one.run(a=3), 3, "the one that runs")
    await stays(two, instance, "<NoValue>")


@case
async def triggers_triggers(w: Worker) -> None:
    """A function that is decorated with `@method.triggers` triggers the nodes of the method, and gives its result."""
    instance, node = await new(w, "pushes")
    equal(await instance.ask("do_push", by=3), 3, "what the function gives")
    await node.gives(3)


@case
async def triggers_reaches_every_node(w: Worker) -> None:
    """All nodes of the method run."""
    instance, one = await new(w, "pushes")
    two = await instance.node("pushes")
    await instance.ask("do_push", by=2)
    await one.gives(2)
    await two.gives(2)


@case
async def triggers_stays_within_the_instance(w: Worker) -> None:
    """Nodes of another instance do not run."""
    instance, _ = await new(w, "pushes")
    other, node = await new(w, "pushes")
    await instance.ask("do_push", by=2)
    await stays(node, other, "<NoValue>")


@case
async def the_loop_triggers(w: Worker) -> None:
    """Nodes run when the loop calls such a function."""
    instance, node = await new(w, "pushes")
    await instance.ask("push_in_loop", turn=1)
    await node.gives(1)


@case
async def nodes_are_counted(w: Worker) -> None:
    """`.nodes()` has the nodes of the method in the graph, and no more when they are removed."""
    instance = await w.add("Triggers")
    equal(await instance.ask("picks"), 0, "without a node")
    one, two = await instance.node("pick"), await instance.node("pick")
    equal(await instance.ask("picks"), 2, "with two")
    await one.remove()
    await w.eventually(lambda: instance.ask("picks"), 1, "with one removed")
    await two.remove()


@case
async def nodes_of_others_are_not_counted(w: Worker) -> None:
    """`.nodes()` has those of this instance only."""
    instance, _ = await new(w, "pick")
    other = await w.add("Triggers")
    equal([await instance.ask("picks"), await other.ask("picks")], [1, 0], "the counts")


@case
async def the_old_argument_is_taken(w: Worker) -> None:
    """`.nodes(self)`, as older code has it, is `.nodes()`."""
    instance, _ = await new(w, "pick")
    equal(await instance.ask("picks", old=True), 1, "the count")


@case
async def inputs_can_be_read(w: Worker) -> None:
    """`node.inputs[name].value` is what the input has."""
    instance, node = await new(w, "pick")
    await node.run(item="apple")
    equal(await instance.ask("values", io="item"), ["apple"], "the values")
    equal(await instance.ask("values", io="other"), [1], "a default")


@case
async def inputs_can_be_set(w: Worker) -> None:
    """`node.inputs[name].value = …` sets the input; clients see it, and the node runs."""
    instance, node = await new(w, "pick")
    await instance.ask("fill", item="pear")
    await w.eventually(lambda: node.value("item"), "pear", "the input")
    await node.gives("pear 1")


@case
async def options_of_nodes_change(w: Worker) -> None:
    """`update_value_options` on the nodes is seen in the graph."""
    instance, node = await new(w, "pick")
    await instance.ask("offer", items=["p", "q"])

    async def options() -> object:
        return (await node.io_now("item"))["value_options"]["options"]

    await w.eventually(options, ["p", "q"], "the options")


@case
async def options_of_the_class_change(w: Worker) -> None:
    """`nodeclass().input_item.update_value_options` is in nodes that are made afterwards."""
    instance = await w.add("Triggers")
    await instance.ask("offer", items=["p", "q"])
    node = await instance.node("plain")
    equal(node.io["item"]["value_options"].get("options"), ["p", "q"], "the options")


@case
async def options_of_one_instance_are_its_own(w: Worker) -> None:
    """Another instance of the class keeps the options of the decorator."""
    instance, other = await w.add("Triggers"), await w.add("Triggers")
    await instance.ask("offer", items=["p"])
    equal(
        (await other.node("pick")).io["item"]["value_options"]["options"],
        ["none", "apple", "pear"],
        "the options",
    )


@case
async def all_nodes_are_found(w: Worker) -> None:
    """`get_nodes` has those of a method, `get_all_nodes` those of the instance."""
    instance, _ = await new(w, "pick")
    # The node that asks is one of them.
    equal(await instance.ask("all_nodes"), [1, 2], "what is found")


@case
async def an_unknown_node_class_is_a_key_error(w: Worker) -> None:
    """`get_nodeclass` of what is no node raises KeyError."""
    equal(await (await w.add("Triggers")).ask("no_class"), "KeyError", "what it raises")
