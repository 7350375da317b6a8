"""Scripts in the folder of scripts: found, edited, broken, repaired. FuncNodes gets them in its own folder, too."""

from suite import Theme
from worker import SCRIPTS, Instance, Worker, equal

theme = Theme("local", ["local_one"], local=True)
case = theme.case

TEXT = (SCRIPTS / "local_one.py").read_text()
KEPT: dict[str, Instance] = {}


def script(name: str) -> str:
    """Another script, with another class."""
    return TEXT.replace("LocalOne", name).replace("local_one", name.lower())


async def version(w: Worker) -> str:
    """What the node gives in the instance that the cases share."""
    if w.kind not in KEPT:
        KEPT[w.kind] = await w.add("LocalOne")
    return await KEPT[w.kind].ask("version")


async def edited(w: Worker, old: str, new: str) -> None:
    w.drop("local_one.py", TEXT.replace(old, new))


@case
async def a_script_is_found(w: Worker) -> None:
    """The class of a script in the folder is listed."""
    await w.appears("LocalOne")


@case
async def its_class_makes_instances(w: Worker) -> None:
    """The class of a script can be instantiated by a client."""
    equal(await version(w), "first", "what a node gives")


@case
async def a_script_may_be_dropped_later(w: Worker) -> None:
    """A script that appears while the Worker runs is found."""
    w.drop("later.py", script("Later"))
    await w.appears("Later")


@case
async def a_script_may_be_in_a_subfolder(w: Worker) -> None:
    """Folders in the folder are looked through."""
    (w.peer.folder / "sub").mkdir(parents=True, exist_ok=True)
    w.drop("sub/deep.py", script("Deep"))
    await w.appears("Deep")


@case
async def a_broken_script_hides_no_other(w: Worker) -> None:
    """A file with a syntax error does not keep others from being found."""
    w.drop("a_broken.py", "class Broken(:\n")
    w.drop("z_after.py", script("After"))
    await w.appears("After")


@case
async def a_repaired_script_is_found(w: Worker) -> None:
    """A file that was broken is found once it is right."""
    w.drop("a_broken.py", script("Repaired"))
    await w.appears("Repaired")


@case
async def an_edit_is_loaded(w: Worker) -> None:
    """An edit changes what the nodes of the running instance do."""
    equal(await version(w), "first", "what a node gives before")
    await edited(w, '"first"', '"second"')
    await w.eventually(lambda: version(w), "second", "what a node gives")


@case
async def an_edit_keeps_the_instance(w: Worker) -> None:
    """After an edit the instance has its id, its name and its configuration."""
    await version(w)
    instance = KEPT[w.kind]
    await w.client.call("update_external_worker", **instance.address, name="Mine", config={"count": 6})
    await edited(w, '"first"', '"third"')
    await w.eventually(lambda: version(w), "third", "what a node gives")
    equal((await instance.entry())["name"], "Mine", "the name")
    equal(await instance.ask("configured"), 6, "what the author sees of the configuration")


@case
async def an_edit_brings_new_nodes(w: Worker) -> None:
    """A method that an edit adds is a node of the instance that runs."""
    await version(w)
    before = "    @instance_nodefunction()\n    def configured"
    added = '    @instance_nodefunction()\n    def added(self) -> str:\n        return "added"\n\n'
    await edited(w, before, added + before)

    async def there() -> bool:
        return "added" in await KEPT[w.kind].library()

    await w.eventually(there, True, "the new node is in the library")
    equal(await KEPT[w.kind].ask("added"), "added", "what it gives")


@case
async def a_broken_edit_leaves_the_old(w: Worker) -> None:
    """When an edit has a syntax error the instance goes on as it was."""
    await version(w)
    await edited(w, '"first"', '"good"')
    await w.eventually(lambda: version(w), "good", "what a node gives")
    reported = w.client.next(lambda message: isinstance(message, dict) and "local_one.py" in str(message))
    await edited(w, "class LocalOne(", "class LocalOne((")
    await w.arrives(reported, "a message that names the file")
    equal(await version(w), "good", "what a node gives after the broken edit")
    await edited(w, '"first"', '"better"')
    await w.eventually(lambda: version(w), "better", "what a node gives after the next edit")


@case
async def an_instance_of_a_script_survives_a_restart(w: Worker) -> None:
    """After a restart the instance of a script is there with its id and configuration."""
    await version(w)
    await KEPT[w.kind].configure(count=8)
    await w.restart()
    await w.eventually(KEPT[w.kind].is_running, True, "it runs", 60.0)
    equal(await KEPT[w.kind].ask("configured"), 8, "what the author sees of the configuration")
