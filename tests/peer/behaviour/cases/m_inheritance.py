"""What a class inherits, and several instances of one class."""

from suite import Theme
from worker import Worker, equal

theme = Theme("inheritance", ["inherited"])
case = theme.case


@case
async def nodes_are_inherited(w: Worker) -> None:
    """A class has the nodes of its parent and of its mixins beside its own."""
    found = await (await w.add("Kid")).library()
    equal(sorted(found), sorted(["inherited", "overridden", "extended", "log", "mixed", "own"]), "the nodes")


@case
async def an_inherited_node_runs_on_the_child(w: Worker) -> None:
    """An inherited method calls what the child overrides."""
    equal(await (await w.add("Kid")).ask("inherited"), "inherited kid", "what it gives")


@case
async def a_mixin_brings_nodes(w: Worker) -> None:
    """A class that is no worker can bring nodes."""
    equal(await (await w.add("Kid")).ask("mixed"), "mixed Kid", "what it gives")


@case
async def the_later_definition_wins(w: Worker) -> None:
    """A node that the child defines again is the child's."""
    equal(await (await w.add("Kid")).ask("overridden"), "kid", "what it gives")


@case
async def the_parent_is_as_before(w: Worker) -> None:
    """What the child overrides is the parent's in the parent."""
    equal(await (await w.add("Parent")).ask("overridden"), "parent", "what it gives")


@case
async def super_works(w: Worker) -> None:
    """Constructors and loops call those of the parent."""
    instance = await w.add("Kid")
    await w.eventually(lambda: instance.ask("log"), ["parent", "kid", "kid's loop"], "what was done")


@case
async def configurations_inherit(w: Worker) -> None:
    """A configuration that inherits has all fields, with its own defaults."""
    equal((await w.add("Parent")).added["config"], {"a": 1}, "the parent's")
    equal((await w.add("Kid")).added["config"], {"a": 2, "b": 3}, "the child's")


@case
async def instances_have_their_own_state(w: Worker) -> None:
    """What one instance counts another does not see."""
    one, two = await w.add("Counting"), await w.add("Counting")
    await one.ask("up", by=3)
    equal([await one.ask("up", by=1), await two.ask("up", by=1)], [4, 1], "the counts")


@case
async def instances_have_their_own_configuration(w: Worker) -> None:
    """An update of one instance changes no other."""
    one, two = await w.add("Kid"), await w.add("Kid")
    await one.configure(a=9)
    equal(
        [(await one.form())["formData"], (await two.form())["formData"]],
        [{"a": 9, "b": 3}, {"a": 2, "b": 3}],
        "the configurations",
    )


@case
async def instances_have_their_own_nodes(w: Worker) -> None:
    """Each instance has a shelf of its own with its own ids."""
    one, two = await w.add("Counting"), await w.add("Counting")
    ids = [(await instance.library())["up"]["node_id"] for instance in (one, two)]
    equal(ids, [one.id_of("up"), two.id_of("up")], "the ids")


@case
async def the_author_sees_a_new_name(w: Worker) -> None:
    """`self.name` is the name that a person gave."""
    instance = await w.add("Counting")
    await w.client.call("update_external_worker", **instance.address, name="Counter 1")
    await w.eventually(lambda: instance.ask("named"), "Counter 1", "the name")


@case
async def removing_one_leaves_the_others(w: Worker) -> None:
    """Other instances of the class go on with their state."""
    one, two = await w.add("Counting"), await w.add("Counting")
    await two.ask("up", by=5)
    await one.remove()
    equal(await two.ask("up", by=1), 6, "the count")
