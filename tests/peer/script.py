"""What both Workers are told: every command that concerns external workers, nodes, edges, values,
the library, state and exports, and what goes wrong with them."""

import base64
import io
import json
import zipfile
from typing import Any

from session import Session

DEMO, BENCH, VALUES = "Demo Worker", "BenchWorker", "Value Worker"


async def everything(s: Session) -> None:
    await connection(s)
    demo = await external_workers(s)
    nodes = await add_nodes(s, demo)
    await values(s, nodes)
    await node_commands(s, nodes)
    await edges(s, nodes)
    await groups(s, nodes)
    await value_types(s)
    await configuration(s, demo)
    exported = await state(s)
    await removal(s, demo, nodes)
    await imports(s, demo, exported)
    await restart(s, demo)
    await repeated_ids(s)
    await packages(s)


async def connection(s: Session) -> None:
    await s.ping("ping")
    await s.malformed("malformed", "this is no JSON")
    await s.malformed("no_command", '{"type": "cmd", "id": "1"}')
    await s.malformed("unknown_type", '{"type": "nothing"}')
    for command in ("get_runstate", "heartbeat", "get_edges", "get_groups", "get_nodes", "view_state"):
        await s.do(f"empty.{command}", command)
    await s.do("get_plugin_keys", "get_plugin_keys", type="react")
    await s.do("get_plugin", "get_plugin", key="nope", type="react")
    await s.do("get_available_modules", "get_available_modules")
    await s.do("unknown_command", "no_such_cmd")
    await s.do("wrong_argument", "trigger_node", foo=1)
    await s.do("missing_argument", "add_node")


async def external_workers(s: Session) -> dict[str, str]:
    module = (await s.class_named(DEMO))["module"]
    for name in (module, module.replace("_", "-")):
        s.label(name, "module")
    await s.do("classes", "get_worker_dependencies")
    await s.do("add.unknown", "add_external_worker", module="nope", cls_module="x", cls_name="Y")
    await s.do("add.incomplete", "add_external_worker", module="nope")
    instance = await s.add_instance("add", DEMO, "demo")
    demo = {"worker_id": instance["uuid"], "class_id": instance["nodeclassid"]}
    await s.do("added.classes", "get_worker_dependencies")
    await s.do("added.library", "get_library")
    await s.do("added.config", "get_external_worker_config", **demo)
    await s.do("config.unknown", "get_external_worker_config", worker_id="nope", class_id="demo_worker")
    await s.do("config.unknown_class", "get_external_worker_config", worker_id="nope", class_id="x")
    return demo


async def add_nodes(s: Session, demo: dict[str, str]) -> dict[str, str]:
    own = f"{demo['class_id']}.{demo['worker_id']}."
    nodes = {
        name: await s.add_node(f"add_node.{name}", own + name, name) for name in ("add", "run", "get_count")
    }
    shelf_id = await s.find_node_id("Shelf Node")
    nodes["shelf"] = await s.add_node("add_node.shelf", shelf_id, "shelf")
    await s.do("add_node.unknown", "add_node", id="nope.nope.nope")
    await s.do("add_node.unknown_method", "add_node", id=own + "nope")
    s.vague.add(nodes["get_count"])
    return nodes


async def values(s: Session, nodes: dict[str, str]) -> None:
    add, run = nodes["add"], nodes["run"]
    await s.set("set.a", add, "a", 3, until=("value", add, "out"))
    await s.do("get_io_value", "get_io_value", nid=add, ioid="out")
    await s.do("get_ios_values", "get_ios_values", nid=add)
    await s.do("get_io_full_value", "get_io_full_value", nid=add, ioid="out")
    await s.do("get_io_full_value.bytes", "get_io_full_value", as_bytes=True, nid=add, ioid="out")
    await s.do("get_io_value.bytes", "get_io_value", as_bytes=True, nid=add, ioid="out")
    await s.do("trigger", "trigger_node", nid=add, until=("value", add, "out"))
    await s.do("request_trigger", "request_trigger", nid=add, until=("value", add, "out"))
    await s.set("set.default", add, "b", 7, set_default=True, until=("value", add, "out"))
    await s.do("set.default.node", "get_node_state", nid=add)
    await s.set("set.wrong_type", add, "a", "text", until=("event", "node_trigger_error"))
    await s.do("set.wrong_type.value", "get_io_value", nid=add, ioid="out")
    await s.set("set.no_value", add, "a", "<NoValue>")
    await s.do("trigger.not_ready", "trigger_node", nid=add)
    await s.do("not_ready.status", "get_node_status", nid=add)
    await s.set("set.again", add, "a", 3, until=("value", add, "out"))
    await s.set("set.null", add, "a", None, until=("event", "node_trigger_error"))
    await s.set("set.once_more", add, "a", 3, until=("value", add, "out"))
    await s.set("set.same", add, "a", 3, until=("value", add, "out"))
    await s.set("set.output", add, "out", 3)
    await s.set("set.unknown_io", add, "nope", 3)
    await s.set("set.unknown_node", "nope", "a", 3)
    await s.do("get_io_value.unknown_io", "get_io_value", nid=add, ioid="nope")
    await s.do("get_io_value.unknown_node", "get_io_value", nid="nope", ioid="a")
    await s.do("get_ios_values.unknown_node", "get_ios_values", nid="nope")
    await s.do("trigger.unknown_node", "trigger_node", nid="nope")
    await s.do("set_default_value", "set_default_value", nid=add, ioid="b", value=6)
    await s.do("set_default_value.values", "get_ios_values", nid=add)

    await s.do("count", "trigger_node", nid=nodes["get_count"], until=("value", nodes["get_count"], "out"))
    await s.do("run", "trigger_node", nid=run, until=("value", run, "status"))
    await s.set("run.mode", run, "mode", "fast", until=("value", run, "status"))
    await s.set("run.level", run, "level", "hi", until=("value", run, "status"))
    await s.set("run.gain", run, "gain", 0.5, until=("value", run, "status"))
    await s.set("run.gain.integer", run, "gain", 2, until=("value", run, "status"))
    await s.set("run.gain.null", run, "gain", None, until=("value", run, "status"))
    await s.set("run.level.unlisted", run, "level", "nope")
    await s.set("run.level.again", run, "level", "lo", until=("value", run, "status"))
    await s.do("shelf", "trigger_node", nid=nodes["shelf"], until=("value", nodes["shelf"], "out"))
    await s.set("shelf.x", nodes["shelf"], "x", 1.5, until=("value", nodes["shelf"], "out"))
    await s.set("shelf.x.integer", nodes["shelf"], "x", 4, until=("value", nodes["shelf"], "out"))


async def node_commands(s: Session, nodes: dict[str, str]) -> None:
    add = nodes["add"]
    await s.do("get_node", "get_node", id=add)
    await s.do("get_node.unknown", "get_node", id="nope")
    await s.do("get_node_state", "get_node_state", nid=nodes["run"])
    await s.do("get_node_state.unknown", "get_node_state", nid="nope")
    await s.do("get_node_status", "get_node_status", nid=add)
    await s.do("update_node.name", "update_node", nid=add, data={"name": "Sum"})
    await s.do("update_node.text", "update_node", nid=add, data={"description": "adds"})
    placed = {"frontend:pos": [10, 20], "frontend:size": [300, 200]}
    await s.do("update_node.place", "update_node", nid=add, data={"properties": placed})
    await s.do("update_node.reset", "update_node", nid=add, data={"reset_inputs_on_trigger": False})
    await s.do("update_node.nothing", "update_node", nid=add, data={})
    await s.do("update_node.unknown", "update_node", nid="nope", data={"name": "x"})
    await s.do("update_node_view", "update_node_view", nid=nodes["run"], data={"pos": [1, 2]})
    await s.do("update_io_options", "update_io_options", nid=add, ioid="b", name="second", hidden=True)
    await s.do("update_io_options.back", "update_io_options", nid=add, ioid="b", name="", hidden=False)
    options = {"min": 0, "max": 9}
    await s.do("update_io_value_options", "update_io_value_options", nid=add, ioid="a", options=options)
    await s.do("updated.nodes", "get_nodes", with_frontend=True)
    await s.do("updated.view_state", "view_state")


async def edges(s: Session, nodes: dict[str, str]) -> None:
    add = nodes["add"]
    instance = await s.add_instance("add.bench", BENCH, "bench")
    own = f"{instance['nodeclassid']}.{instance['uuid']}."
    first = await s.add_node("add_node.first", own + "inc", "first")
    second = await s.add_node("add_node.second", own + "inc", "second")
    one = await s.add_node("add_node.one", own + "noop", "one")
    await s.do("one", "trigger_node", nid=one, until=("value", one, "out"))

    def edge(source: str, output: str, target: str, input: str) -> dict[str, str]:
        return {"src_nid": source, "src_ioid": output, "trg_nid": target, "trg_ioid": input}

    await s.do("add_edge", "add_edge", **edge(add, "out", first, "a"), until=("value", first, "out"))
    await s.do(
        "add_edge.chain", "add_edge", **edge(first, "out", second, "a"), until=("value", second, "out")
    )
    await s.do("get_edges", "get_edges")
    await s.set("chain", add, "a", 4, until=("value", second, "out"))
    await s.set("set.connected", first, "a", 99, until=("value", second, "out"))
    await s.do("connected.node", "get_node_state", nid=first)
    await s.do("add_edge.again", "add_edge", **edge(add, "out", first, "a"))
    await s.do("add_edge.taken", "add_edge", **edge(one, "out", first, "a"))
    await s.do(
        "add_edge.replace",
        "add_edge",
        **edge(one, "out", first, "a"),
        replace=True,
        until=("value", second, "out"),
    )
    await s.do("replaced.edges", "get_edges")
    await s.do("add_edge.backwards", "add_edge", **edge(second, "a", add, "out"))
    await s.do("add_edge.two_outputs", "add_edge", **edge(add, "out", second, "out"))
    await s.do("add_edge.two_inputs", "add_edge", **edge(add, "a", second, "a"))
    await s.do("add_edge.unknown_node", "add_edge", **edge("nope", "out", second, "a"))
    await s.do("add_edge.unknown_io", "add_edge", **edge(add, "nope", second, "a"))
    await s.do("remove_edge", "remove_edge", **edge(one, "out", first, "a"))
    await s.do("remove_edge.again", "remove_edge", **edge(one, "out", first, "a"))
    await s.do("remove_node", "remove_node", id=first)
    await s.do("remove_node.again", "remove_node", id=first)
    await s.do("removed.edges", "get_edges")
    await s.do("add_edge.across", "add_edge", **edge(add, "out", second, "a"), until=("value", second, "out"))


async def groups(s: Session, nodes: dict[str, str]) -> None:
    made = await s.do("group", "group_nodes", node_ids=[nodes["add"], nodes["run"]], group_ids=[])
    group = next(iter(made)) if isinstance(made, dict) and made else "nope"
    s.label(group, "group")
    await s.do("groups", "get_groups")
    await s.do("update_group", "update_group", gid=group, data={"position": [5, 6]})
    await s.do("update_group.unknown", "update_group", gid="nope", data={"position": [5, 6]})
    await s.do("grouped.nodes", "get_nodes", with_frontend=True)
    await s.do("remove_group", "remove_group", gid=group)
    await s.do("no.groups", "get_groups")


async def value_types(s: Session) -> None:
    instance = await s.add_instance("add.values", VALUES, "values")
    prefix = f"{instance['nodeclassid']}.{instance['uuid']}."
    cases = {
        "negate": {"flag": True},
        "text": {"count": 3},
        "blob": {"count": 3},
        "reverse": {"items": [1, 2, 3]},
        "table": {"rows": {"x": 1.5, "é": 2.0}},
    }
    for method, inputs in cases.items():
        node = await s.add_node(f"types.{method}.node", prefix + method, method)
        for name, value in inputs.items():
            await s.set(f"types.{method}", node, name, value, until=("value", node, "out"))
        await s.do(f"types.{method}.value", "get_io_value", nid=node, ioid="out")
        await s.do(f"types.{method}.bytes", "get_io_full_value", as_bytes=True, nid=node, ioid="out")
        await s.do(f"types.{method}.full", "get_io_full_value", nid=node, ioid="out")
        if method in ("text", "blob"):
            # An empty value and one that is too large for a frame.
            await s.set(f"types.{method}.empty", node, "count", 0, until=("ran", node))
            await s.do(f"types.{method}.empty.value", "get_io_value", nid=node, ioid="out")
            await s.set(f"types.{method}.large", node, "count", 2_000_000, until=("value", node, "out"))
            await s.do(f"types.{method}.large.value", "get_io_value", nid=node, ioid="out")
            await s.do(
                f"types.{method}.large.bytes", "get_io_full_value", as_bytes=True, nid=node, ioid="out"
            )
            await s.set(f"types.{method}.small", node, "count", 1, until=("value", node, "out"))
    divide = await s.add_node("types.divide.node", prefix + "divide", "divide")
    await s.set("types.divide.half", divide, "a", 7)
    await s.set("types.divide", divide, "b", 2, until=("value", divide, "rest"))
    await s.set("types.divide.zero", divide, "b", 0, until=("event", "node_trigger_error"))
    await s.do("types.divide.values", "get_ios_values", nid=divide)
    fail = await s.add_node("types.fail.node", prefix + "fail", "fail")
    await s.set("types.fail", fail, "why", "not today", until=("event", "node_trigger_error"))
    await s.do("types.fail.status", "get_node_status", nid=fail)
    await s.do(
        "types.remove",
        "remove_external_worker",
        worker_id=instance["uuid"],
        class_id=instance["nodeclassid"],
        until=("event", "external_worker_update"),
    )


async def configuration(s: Session, demo: dict[str, str]) -> None:
    changed = {"interval_s": 2.5, "token": "NEWTOKEN"}
    update = ("event", "external_worker_update")
    await s.do("update", "update_external_worker", **demo, name="My Demo", config=changed, until=update)
    await s.do("updated.config", "get_external_worker_config", **demo)
    await s.do("updated.classes", "get_worker_dependencies")
    await s.do("update.name", "update_external_worker", **demo, name="Named", until=update)
    await s.do("update.config", "update_external_worker", **demo, config={"mode": "b"}, until=update)
    await s.do("update.too_small", "update_external_worker", **demo, config={"interval_s": -1})
    await s.do("update.wrong_type", "update_external_worker", **demo, config={"interval_s": "soon"})
    await s.do("update.unlisted", "update_external_worker", **demo, config={"mode": "c"})
    await s.do("update.unknown_field", "update_external_worker", **demo, config={"nope": 1})
    await s.do(
        "update.unknown", "update_external_worker", worker_id="nope", class_id="demo_worker", config={}
    )
    await s.do("update.unknown_class", "update_external_worker", worker_id="nope", class_id="x", config={})
    await s.do("update.settled", "get_external_worker_config", **demo)
    await s.do("update.settled.classes", "get_worker_dependencies")


async def state(s: Session) -> str:
    await s.do("get_save_state", "get_save_state")
    await s.do("get_save_state.export", "get_save_state", export=True)
    await s.do("full_state", "full_state")
    await s.do("get_meta", "get_meta")
    config = await s.do("get_config", "get_config", record=False)
    s.record("get_config", {k: v for k, v in (config or {}).items() if k != "worker_dependencies"})
    await s.do("uuid", "uuid")
    await s.do("name", "name")
    await s.do("upload", "upload", data=base64.b64encode(b"hello").decode(), filename="note.txt")
    await s.do("upload.outside", "upload", data="aGVsbG8=", filename="../note.txt")
    exported = await s.do("export_worker", "export_worker", record=False, with_files=True)
    archive = members(exported)
    if s.peer.kind == "python":
        # It has a snapshot of the instances, secrets included, from whenever it was written last.
        archive["config"].pop("worker_dependencies", None)
    s.record("exported", archive)
    found = [secret for secret in ("s3cr3t", "NEWTOKEN") if secret in json.dumps(archive)]
    s.record("exported.secrets", found)
    await s.do("save", "save")
    return exported


def members(exported: str) -> Any:
    """What an export has inside: a zip archive in base64."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(exported))) as archive:
        contents = {name: archive.read(name).decode() for name in archive.namelist()}
    return {
        name: json.loads(text) if name in ("config", "state") else text
        for name, text in contents.items()
        if name in ("config", "state") or name.startswith("files/")
    }


async def removal(s: Session, demo: dict[str, str], nodes: dict[str, str]) -> None:
    await s.do("remove.wrong_class", "remove_external_worker", worker_id=demo["worker_id"], class_id="x")
    await s.do("remove", "remove_external_worker", **demo, until=("event", "external_worker_update"))
    await s.do("removed.classes", "get_worker_dependencies")
    await s.do("removed.library", "get_library")
    await s.do("removed.nodes", "get_nodes")
    await s.do("removed.all_edges", "get_edges")
    await s.do("removed.value", "get_io_value", nid=nodes["add"], ioid="out")
    await s.do("removed.config", "get_external_worker_config", **demo)
    await s.do("remove.again", "remove_external_worker", **demo)


async def imports(s: Session, demo: dict[str, str], exported: str) -> None:
    await s.do("update_from_export", "update_from_export", data=exported)
    await s.do("imported.classes", "get_worker_dependencies")
    await s.do("imported.nodes", "get_nodes")
    await s.do("imported.edges", "get_edges")
    await s.do("imported.config", "get_external_worker_config", **demo)
    await s.do("import.broken", "update_from_export", data="bm8gemlw")
    await s.do("imported.update", "update_external_worker", **demo, config={"token": "AGAIN"})
    saved = await s.do("imported.state", "get_save_state")
    await s.do("clear", "clear")
    await s.do("cleared.nodes", "get_nodes")
    await s.do("cleared.classes", "get_worker_dependencies")
    await s.do("load_data", "load_data", data=saved)
    await s.do("loaded.nodes", "get_nodes")
    await s.do("loaded.edges", "get_edges")
    await s.do("loaded.classes", "get_worker_dependencies")
    await s.do("loaded.config", "get_external_worker_config", **demo)


async def restart(s: Session, demo: dict[str, str]) -> None:
    await s.do("restart.save", "save", record=False)
    await s.restart()
    await s.do("restarted.classes", "get_worker_dependencies")
    await s.do("restarted.library", "get_library")
    await s.do("restarted.nodes", "get_nodes")
    await s.do("restarted.edges", "get_edges")
    await s.do("restarted.config", "get_external_worker_config", **demo)


async def repeated_ids(s: Session) -> None:
    """One request twice, as the web UI sends it when an answer is late."""
    await s.twice("repeated_id", "add_external_worker", **await s.class_named(BENCH))
    await s.do("repeated_id.classes", "get_worker_dependencies", relabel=True)


async def packages(s: Session) -> None:
    """What brings the classes goes, and comes back without its instances. Not: one that does not exist,
    since the Python Worker asks a registry for it."""
    name = (await s.class_named(DEMO))["module"].replace("_", "-")
    await s.do(
        "package.remove", "remove_package_dependency", name=name, until=("event", "external_worker_update")
    )
    await s.do("package.removed.classes", "get_worker_dependencies")
    await s.do("package.removed.nodes", "get_nodes")
    await s.do(
        "package.add", "add_package_dependency", name=name, until=("event", "update_worker_dependencies")
    )
    await s.do("package.added.classes", "get_worker_dependencies")
    await s.do("package.remove_unknown", "remove_package_dependency", name="no-such-package-anywhere")
