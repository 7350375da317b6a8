"""Configurations: their defaults, the form, updates, refusals, and the hook."""

from typing import Any

from suite import Theme
from worker import Instance, Worker, equal, holds

theme = Theme("config", ["configured"])
case = theme.case

DEFAULTS: dict[str, Any] = {
    "interval_s": 1.0, "count": 3, "label": "x", "flag": False, "mode": "a", "colour": "red", "tags": ["t"],
    "limits": {"low": 0, "high": 10}, "note": None,
}  # fmt: skip


async def new(w: Worker) -> Instance:
    return await w.add("Configured")


async def config(instance: Instance) -> dict[str, Any]:
    return (await instance.form())["formData"]


async def field(w: Worker, name: str) -> dict[str, Any]:
    return (await (await new(w)).form())["jsonSchema"]["properties"][name]


@case
async def defaults_are_the_start(w: Worker) -> None:
    """A new instance has the defaults of its fields, as JSON."""
    equal((await new(w)).added["config"], DEFAULTS, "the configuration")


@case
async def the_form_has_the_values(w: Worker) -> None:
    """The settings form has what is in force."""
    equal(await config(await new(w)), DEFAULTS, "the form's data")


@case
async def a_factory_makes_a_default(w: Worker) -> None:
    """A default that a function makes is one like any other."""
    instance = await w.add("Factory")
    equal(await instance.ask("names"), ["made"], "what the author sees")
    equal(await config(instance), {"names": ["made"], "other": 1}, "the form's data")


@case
async def the_form_has_every_field_in_order(w: Worker) -> None:
    """The schema has every field, in the order of the class."""
    schema = (await (await new(w)).form())["jsonSchema"]
    equal(schema["type"], "object", "the type")
    equal(sorted(schema["properties"]), sorted(DEFAULTS), "the fields")


@case
async def a_number_has_its_limits(w: Worker) -> None:
    """Limits, default and description of a number are in the schema."""
    seen = await field(w, "interval_s")
    wanted = {
        "type": "number",
        "minimum": 0.05,
        "maximum": 60,
        "default": 1.0,
        "description": "seconds between polls",
    }
    equal({name: seen.get(name) for name in wanted}, wanted, "the field")


@case
async def a_title_is_kept(w: Worker) -> None:
    """A field's title is that of its author."""
    seen = await field(w, "count")
    equal([seen.get(name) for name in ("type", "default", "title")], ["integer", 3, "How many"], "the field")


@case
async def choices_are_in_the_schema(w: Worker) -> None:
    """A Literal lists its values."""
    seen = await field(w, "mode")
    equal([seen.get("enum"), seen.get("default")], [["a", "b"], "a"], "the field")


@case
async def lists_and_models_are_in_the_schema(w: Worker) -> None:
    """Lists say what is in them, models inside are found by their references."""
    schema = (await (await new(w)).form())["jsonSchema"]
    tags = schema["properties"]["tags"]
    equal([tags["type"], tags["items"]["type"]], ["array", "string"], "a list")
    limits = schema["$defs"]["Limits"]["properties"]
    equal(
        {name: (one["type"], one["default"]) for name, one in limits.items()},
        {"low": ("integer", 0), "high": ("integer", 10)},
        "a model",
    )


@case
async def an_update_changes_what_it_names(w: Worker) -> None:
    """Fields that are not named stay as they were."""
    instance = await new(w)
    await instance.configure(count=7, mode="b")
    await instance.configure(flag=True)
    equal(await config(instance), {**DEFAULTS, "count": 7, "mode": "b", "flag": True}, "the configuration")


@case
async def every_kind_of_field_is_updated(w: Worker) -> None:
    """Texts, lists, models, enumerations and None are set like numbers."""
    instance = await new(w)
    changed = {
        "label": "é",
        "tags": ["p", "q"],
        "limits": {"low": 1, "high": 2},
        "colour": "blue",
        "note": "n",
    }
    await instance.configure(**changed)
    equal(await config(instance), {**DEFAULTS, **changed}, "the configuration")
    await instance.configure(note=None)
    equal((await config(instance))["note"], None, "a field that is None again")


@case
async def the_author_has_the_types_of_the_model(w: Worker) -> None:
    """`self.config` has Python's types: enumerations and models, not texts and dictionaries."""
    equal(
        await (await new(w)).ask("kinds"),
        {
            "interval_s": "float",
            "count": "int",
            "label": "str",
            "flag": "bool",
            "mode": "str",
            "colour": "Colour",
            "tags": "list",
            "limits": "Limits",
            "note": "NoneType",
        },
        "the types",
    )


@case
async def an_integer_for_a_float_becomes_one(w: Worker) -> None:
    """2 for a float is 2.0."""
    instance = await new(w)
    await instance.configure(interval_s=2)
    equal((await config(instance))["interval_s"], 2.0, "the field")


@case
async def the_hook_hears_of_updates(w: Worker) -> None:
    """`post_config_update` is called after each update, with the new values in force."""
    instance = await new(w)
    await instance.configure(count=4)
    await instance.configure(label="y")
    equal((await instance.ask("changes"))[-2:], [[4, "x"], [4, "y"]], "what the hook heard")


@case
async def a_validator_may_change_a_value(w: Worker) -> None:
    """What a `field_validator` returns is what is in force."""
    instance = await new(w)
    await instance.configure(label="LOUD")
    equal((await config(instance))["label"], "loud", "the field")


async def is_refused(w: Worker, **fields: Any) -> str:
    instance = await new(w)
    await instance.configure(count=5)
    said = await w.refused("update_external_worker", **instance.address, config=fields)
    equal(await config(instance), {**DEFAULTS, "count": 5}, "the configuration after it")
    equal((await instance.ask("changes"))[-1:], [[5, "x"]], "what the hook heard last")
    return said


@case
async def a_value_beyond_its_limits_is_refused(w: Worker) -> None:
    """A number that is too small is an error that names the field, and changes nothing."""
    holds("interval_s" in await is_refused(w, interval_s=0.01), "the error does not name the field")


@case
async def a_value_of_another_type_is_refused(w: Worker) -> None:
    """A text for a number is an error that names the field, and changes nothing."""
    holds("count" in await is_refused(w, count="many"), "the error does not name the field")


@case
async def a_value_that_is_no_choice_is_refused(w: Worker) -> None:
    """What is not among the choices is an error, and changes nothing."""
    holds("mode" in await is_refused(w, mode="c"), "the error does not name the field")


@case
async def what_a_validator_refuses_is_refused(w: Worker) -> None:
    """A `field_validator` that raises is an error with its sentence, and changes nothing."""
    holds("no spaces in a label" in await is_refused(w, label="a b"), "the error does not have the sentence")


@case
async def one_wrong_field_refuses_the_whole(w: Worker) -> None:
    """An update is taken as a whole or not at all."""
    await is_refused(w, flag=True, mode="c")


@case
async def an_unknown_field_is_ignored(w: Worker) -> None:
    """A field that the model does not have changes nothing, and is no error."""
    instance = await new(w)
    await instance.configure(nonsense=1, count=8)
    equal(await config(instance), {**DEFAULTS, "count": 8}, "the configuration")


@case
async def a_failing_hook_leaves_the_old_configuration(w: Worker) -> None:
    """When `post_config_update` raises, the old configuration stays in force."""
    instance = await new(w)
    try:
        await instance.configure(count=13)
    except Exception as problem:
        holds("not thirteen" in str(problem), f"the error is {problem}")
    equal((await config(instance))["count"], 3, "the field")


@case
async def a_rename_is_a_rename(w: Worker) -> None:
    """An update with a name only renames."""
    instance = await new(w)
    await w.client.call("update_external_worker", **instance.address, name="Thermostat")
    equal((await instance.entry())["name"], "Thermostat", "the name")
    equal(await config(instance), DEFAULTS, "the configuration")


@case
async def an_empty_name_is_the_default(w: Worker) -> None:
    """An empty name brings the default back."""
    instance = await new(w)
    default = instance.added["name"]
    await w.client.call("update_external_worker", **instance.address, name="Thermostat")
    await w.client.call("update_external_worker", **instance.address, name="")
    equal((await instance.entry())["name"], default, "the name")


@case
async def an_update_is_announced(w: Worker) -> None:
    """`external_worker_update` tells clients of an update."""
    instance = await new(w)
    updated = w.next_event("external_worker_update")
    await instance.configure(count=9)
    await w.arrives(updated, "external_worker_update")


@case
async def the_update_of_nobody_is_refused(w: Worker) -> None:
    """An unknown instance is an error."""
    await w.refused("update_external_worker", worker_id="nope", class_id="configured", config={"count": 1})


@case
async def the_author_updates_too(w: Worker) -> None:
    """`self.update_config` merges, as an update from outside does; the form shows it."""
    instance = await new(w)
    equal(await instance.ask("alter", fields={"count": 11}), "11 x", "what the author sees")
    equal(await instance.ask("alter", fields={"label": "z"}), "11 z", "what the author sees then")


@case
async def the_form_shows_what_the_author_updates(w: Worker) -> None:
    """What `self.update_config` changed is in the settings form."""
    instance = await new(w)
    await instance.ask("alter", fields={"count": 11})
    await w.eventually(lambda: config(instance), {**DEFAULTS, "count": 11}, "the form's data")


@case
async def the_author_gets_the_validation_error(w: Worker) -> None:
    """`self.update_config` raises pydantic's ValidationError, and changes nothing."""
    instance = await new(w)
    answer = await instance.ask("alter", fields={"count": "many", "interval_s": -1})
    equal(answer, "ValidationError with 2", "what the author gets")
    equal(await config(instance), DEFAULTS, "the configuration")


@case
async def a_model_updates_everything(w: Worker) -> None:
    """A model instance is a whole configuration: what it does not name is at its default."""
    instance = await new(w)
    await instance.configure(label="y")
    equal(await instance.ask("alter_with_model", count=2), "2 x", "what the author sees")


@case
async def no_update_is_none(w: Worker) -> None:
    """`self.update_config(None)` does nothing."""
    instance = await new(w)
    equal(await instance.ask("alter_with_nothing"), "True", "whether it is as before")


@case
async def the_hook_does_not_hear_of_the_defaults(w: Worker) -> None:
    """A new instance with its defaults has had no update: the hook was not called."""
    equal(await (await new(w)).ask("changes"), [], "what the hook heard")
