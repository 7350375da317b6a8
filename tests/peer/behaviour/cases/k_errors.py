"""Failures of nodes: what a client hears, and what stays as it was."""

from suite import Theme
from worker import Worker, equal, holds

theme = Theme("errors", ["failing"])
case = theme.case


async def says(w: Worker, wanted: str, method: str = "fail", **inputs: object) -> None:
    node = await (await w.add("Failing")).node(method)
    said = await node.fails(**inputs)
    holds(wanted in said, f"the error is {said!r}, without {wanted!r}")


@case
async def a_failure_has_its_sentence(w: Worker) -> None:
    """`node_trigger_error` has what the exception says."""
    await says(w, "invalid literal for int() with base 10: 'not a number'", kind="value")


@case
async def an_own_exception_is_one(w: Worker) -> None:
    """An author's own exception is as good as any."""
    await says(w, "my own sentence: ü", kind="own")


@case
async def a_key_error_names_the_key(w: Worker) -> None:
    """A KeyError says the key."""
    await says(w, "missing", kind="key")


@case
async def a_division_by_zero_is_one(w: Worker) -> None:
    """Python's own sentence for a division by zero."""
    await says(w, "by zero", kind="zero")


@case
async def a_missing_attribute_is_named(w: Worker) -> None:
    """An AttributeError says which attribute of what."""
    await says(w, "'Failing' object has no attribute 'nothing_of_this_name'", kind="attribute")


@case
async def the_effect_is_said(w: Worker) -> None:
    """Of a chain of exceptions the last one is said."""
    await says(w, "the effect", kind="chain")


@case
async def coroutines_fail_alike(w: Worker) -> None:
    """An `async def` that raises is a failure of its node."""
    await says(w, "later", "fail_later", why="later")


@case
async def endless_recursion_is_a_failure(w: Worker) -> None:
    """A RecursionError fails the node, and the instance goes on."""
    instance = await w.add("Failing")
    node = await instance.node("recursion")
    holds("recursion" in (await node.fails(depth=0)).lower(), "the error does not say so")
    equal(await instance.ask("fail", kind="x"), "fine: x", "another node of the instance")


@case
async def a_failed_node_runs_again(w: Worker) -> None:
    """A node that failed runs with the next value."""
    node = await (await w.add("Failing")).node("fail")
    await node.fails(kind="own")
    equal(await node.run(kind="y"), "fine: y", "what it gives")


@case
async def an_output_stays_after_a_failure(w: Worker) -> None:
    """The output has the value of the last run that went well."""
    node = await (await w.add("Failing")).node("keeps")
    equal(await node.run(x=1), 1, "what it gives")
    await node.fails(x=-1)
    equal(await node.value(), 1, "the output afterwards")


@case
async def others_go_on(w: Worker) -> None:
    """Other nodes and instances do not notice a failure; the instance runs."""
    instance, other = await w.add("Failing"), await w.add("Failing")
    await (await instance.node("fail")).fails(kind="zero")
    equal(await other.ask("fail", kind="a"), "fine: a", "another instance")
    equal(await instance.ask("fail", kind="b"), "fine: b", "the same instance")
    equal(await instance.is_running(), True, "what the list says")


@case
async def a_class_that_cannot_be_made_is_an_error(w: Worker) -> None:
    """What the constructor raises reaches the client who adds it."""
    await w.eventually(w.classes, lambda found: "Unstartable" in found, "the class")
    found = (await w.classes())["Unstartable"]
    modules = await w.client.call("get_worker_dependencies")
    module = next(one["module"] for one in modules if found in one["worker_classes"])
    where = {"module": module, "cls_module": found["module"], "cls_name": found["class_name"]}
    said = await w.refused("add_external_worker", **where)
    holds("there is no device" in said, f"the error is {said!r}")


@case
async def an_unknown_input_is_refused(w: Worker) -> None:
    """An input that the node does not have is an error for who sets it."""
    node = await (await w.add("Failing")).node("keeps")
    await w.refused("set_io_value", nid=node.id, ioid="nope", value=1)
