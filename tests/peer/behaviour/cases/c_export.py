"""Secrets: saves keep them, exports do not, imports come without."""

import base64
import io
import json
import zipfile
from typing import Any

from suite import Theme
from worker import Instance, Worker, equal, holds

theme = Theme("export", ["configured"])
case = theme.case

SECRET = {"token": "t0ken-9f3", "password": "passw0rd-77a"}
OPEN = {"shown": 1, "public": "everybody"}


async def new(w: Worker) -> Instance:
    instance = await w.add("Secretive")
    await instance.configure(**SECRET)
    return instance


async def saved(w: Worker, instance: Instance, **options: Any) -> dict[str, Any]:
    state = await w.client.call("get_save_state", **options)
    return next(one for one in state["external_workers"]["secretive"] if one["uuid"] == instance.uuid)


def archive(data: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as members:
        return {name: members.read(name) for name in members.namelist()}


@case
async def a_save_keeps_secrets(w: Worker) -> None:
    """The state that is saved has every field."""
    instance = await new(w)
    equal(
        await saved(w, instance),
        {
            "uuid": instance.uuid,
            "nodeclassid": "secretive",
            "running": True,
            "name": instance.added["name"],
            "config": {**SECRET, **OPEN},
        },
        "the entry",
    )


@case
async def an_export_drops_them(w: Worker) -> None:
    """The exported state has neither EXPORT_EXCLUDE_FIELDS nor fields with `export: False`."""
    equal((await saved(w, await new(w), export=True))["config"], OPEN, "the exported configuration")


@case
async def the_names_are_a_union(w: Worker) -> None:
    """`export_exclude_fields` has those of the class, those it inherits, and those of the fields."""
    equal(await (await w.add("Secretive")).ask("excluded"), ["password", "token"], "the names")


@case
async def exportable_dict_leaves_them_out(w: Worker) -> None:
    """`exportable_dict` is the configuration without secrets."""
    equal(await (await new(w)).ask("exportable"), OPEN, "what the author gets")


@case
async def serialize_follows_the_flag(w: Worker) -> None:
    """`serialize(export)` is the entry of a save or of an export."""
    instance = await new(w)
    common = {
        "uuid": instance.uuid,
        "nodeclassid": "secretive",
        "running": True,
        "name": instance.added["name"],
    }
    equal(await instance.ask("serialized", export=True), {**common, "config": OPEN}, "for an export")
    equal(
        await instance.ask("serialized", export=False), {**common, "config": {**SECRET, **OPEN}}, "for a save"
    )


@case
async def the_author_has_the_secret(w: Worker) -> None:
    """A secret is a field like any other for the worker itself."""
    equal(await (await new(w)).ask("secret"), SECRET["token"], "what the author sees")


@case
async def an_exported_archive_has_a_state(w: Worker) -> None:
    """An export is a zip archive in base64 with the members `config` and `state`."""
    instance = await new(w)
    members = archive(await w.client.call("export_worker", with_files=False))
    holds({"config", "state"} <= members.keys(), f"the members are {sorted(members)}")
    entries = json.loads(members["state"])["external_workers"]["secretive"]
    equal(next(one["config"] for one in entries if one["uuid"] == instance.uuid), OPEN, "the configuration")


@case
async def the_archive_has_no_secret_in_its_state(w: Worker) -> None:
    """No secret is anywhere in the exported state."""
    await new(w)
    state = archive(await w.client.call("export_worker", with_files=True))["state"].decode()
    equal([secret for secret in SECRET.values() if secret in state], [], "secrets in the state")


@case
async def no_event_has_a_secret_of_another_instance(w: Worker) -> None:
    """The events of the library have no configuration."""
    instance = await new(w)
    event = w.next_event("lib_update")
    await w.add("Configured")
    message = json.dumps(await w.arrives(event, "lib_update"))
    holds(SECRET["token"] not in message and instance.uuid, "a secret is in an event")


@case
async def an_import_brings_the_instance_back(w: Worker) -> None:
    """An import has the same uuid, name and open fields, with the secret at its default, and its nodes."""
    instance = await new(w)
    await w.client.call("update_external_worker", **instance.address, name="Vault", config={"shown": 5})
    node = await instance.node("secret")
    exported = await w.client.call("export_worker", with_files=False)
    await instance.remove()
    await w.client.call("update_from_export", data=exported)
    await w.eventually(instance.is_running, True, "it runs again")
    entry = await instance.entry()
    equal(entry["name"], "Vault", "the name")
    equal(
        (await instance.form())["formData"],
        {
            "token": "t0ken-default",
            "password": "passw0rd-default",
            "shown": 5,
            "public": "everybody",
        },
        "the configuration",
    )
    equal(await node.run(), "t0ken-default", "what its node gives")
