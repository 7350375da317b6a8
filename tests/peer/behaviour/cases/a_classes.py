"""Classes: which there are, what they are called, and what makes an instance of one."""

import re

from suite import Theme
from worker import Worker, equal, holds

theme = Theme("classes", ["kinds"])
case = theme.case


@case
async def concrete_classes_are_listed(w: Worker) -> None:
    """Every concrete class of a script can be chosen."""
    await w.eventually(w.classes, lambda found: "Plain" in found, "the classes of the script")
    found = await w.classes()
    missing = {"Plain", "A title: ü", "Child", "Grand Child", "Heir"} - found.keys()
    equal(sorted(missing), [], "classes that are not listed")


@case
async def abstract_classes_are_not_listed(w: Worker) -> None:
    """What is marked as abstract cannot be chosen."""
    equal(sorted({"Family", "WithId"} & (await w.classes()).keys()), [], "abstract classes that are listed")


@case
async def a_name_is_the_title(w: Worker) -> None:
    """NAME is what a person reads; without one it is the name of the class."""
    instance = await w.add("A title: ü")
    equal(instance.class_id, "titled", "the class id")


@case
async def a_new_instance_has_an_id(w: Worker) -> None:
    """The answer has a UUID of 32 hexadecimal digits, the class id and the configuration."""
    instance = await w.add("Plain")
    holds(re.fullmatch("[0-9a-f]{32}", instance.uuid), f"the uuid is {instance.uuid!r}")
    equal(instance.added["nodeclassid"], "plain", "the class id")
    equal(instance.added["config"], {}, "the configuration")


@case
async def a_new_instance_is_listed(w: Worker) -> None:
    """The list of classes has the new instance, running, under its class."""
    instance = await w.add("Plain")
    entry = await instance.entry()
    equal(
        {k: entry[k] for k in ("uuid", "nodeclassid", "running", "config")},
        {"uuid": instance.uuid, "nodeclassid": "plain", "running": True, "config": {}},
        "the entry",
    )


@case
async def the_default_name_is_class_and_id(w: Worker) -> None:
    """Without a name an instance is called `Class(uuid)`."""
    instance = await w.add("Plain")
    equal(instance.added["name"], f"Plain({instance.uuid})", "the name")


@case
async def an_instance_knows_itself(w: Worker) -> None:
    """`uuid`, `NODECLASSID`, `running`, `config` and the registers of running workers are right from inside."""
    instance = await w.add("Plain")
    equal(
        await instance.ask("about"),
        {
            "uuid": instance.uuid,
            "name": f"Plain({instance.uuid})",
            "class": "plain",
            "abstract": False,
            "running": True,
            "config": "ExternalWorkerConfig",
            "known": True,
            "registered": True,
        },
        "what it says of itself",
    )


@case
async def two_instances_have_two_ids(w: Worker) -> None:
    """A class can have any number of instances."""
    one, two = await w.add("Plain"), await w.add("Plain")
    holds(one.uuid != two.uuid, "both have one id")


@case
async def an_instance_is_announced(w: Worker) -> None:
    """`external_worker_update` and `lib_update` tell clients of a new instance."""
    updated, library = w.next_event("external_worker_update"), w.next_event("lib_update")
    await w.add("Plain")
    await w.arrives(updated, "external_worker_update")
    await w.arrives(library, "lib_update")


@case
async def an_unknown_class_is_refused(w: Worker) -> None:
    """A class that is not there is an error, and makes nothing."""
    before = len(await w.instances())
    await w.refused("add_external_worker", module="kinds", cls_module="kinds", cls_name="Nobody")
    equal(len(await w.instances()), before, "the number of instances")


@case
async def an_abstract_class_makes_no_instance(w: Worker) -> None:
    """An abstract class cannot be asked for by its name either."""
    await w.refused("add_external_worker", module="kinds", cls_module="kinds", cls_name="Family")


@case
async def a_child_of_an_abstract_class_works(w: Worker) -> None:
    """IS_ABSTRACT is not inherited: what inherits is concrete, with the nodes that it inherits."""
    instance = await w.add("Child")
    equal(await instance.ask("kin"), "Child", "what the inherited node gives")


@case
async def a_grandchild_is_a_class_of_its_own(w: Worker) -> None:
    """A class that inherits from a concrete one has its own id and title."""
    instance = await w.add("Grand Child")
    equal(instance.class_id, "grand-child", "the class id")
    equal(await instance.ask("kin"), "GrandChild", "what the inherited node gives")


@case
async def an_id_is_inherited(w: Worker) -> None:
    """NODECLASSID may stand in an abstract class."""
    equal((await w.add("Heir")).class_id, "from_base", "the class id")


async def outcome(w: Worker, name: str) -> str:
    return (await (await w.add("Plain")).ask("outcomes"))[name]


@case
async def a_class_needs_an_id(w: Worker) -> None:
    """A concrete class without NODECLASSID is a ValueError where it is defined."""
    equal(await outcome(w, "no id"), "ValueError", "what it raises")


@case
async def an_abstract_class_needs_no_id(w: Worker) -> None:
    """With IS_ABSTRACT no NODECLASSID is needed."""
    equal(await outcome(w, "abstract without id"), "nothing", "what it raises")


@case
async def an_abstract_class_is_not_instantiated(w: Worker) -> None:
    """An instance of an abstract class is an error in Python, too."""
    equal(await outcome(w, "inherited abstract instance"), "ValueError", "what it raises")
