"""Values: what goes in comes out, by its type; types in the library; bodies of binary frames."""

import json
import struct
from typing import Any

from suite import Theme
from worker import Instance, Worker, equal

theme = Theme("values", ["valued"])
case = theme.case


async def new(w: Worker) -> Instance:
    return await w.add("Valued")


async def through(w: Worker, *values: Any) -> None:
    """Each value goes in and comes out as it is, and along an edge."""
    node = await (await new(w)).node("echo")
    for value in values:
        equal(await node.run(x=value), value, "what comes out")


async def types(w: Worker, method: str) -> tuple[list[Any], list[Any]]:
    seen = (await (await new(w)).library())[method]
    return [port["type"] for port in seen["inputs"]], [port["type"] for port in seen["outputs"]]


async def made(w: Worker, what: str) -> tuple[str, bytes]:
    """The whole value of an output as bytes, with its media type."""
    node = await (await new(w)).node("make")
    await node.run(what=what)
    full = await node.full()
    return full.header["mime"], full.body


@case
async def integers_go_through(w: Worker) -> None:
    """Integers of up to 63 bits are exact."""
    await through(w, 0, 1, -1, 2**53 + 1, 2**62, -(2**62))


@case
async def numbers_go_through(w: Worker) -> None:
    """Floats are exact, and stay floats when they are whole."""
    await through(w, 0.1, -2.5, 1e300, 3.0)


@case
async def truths_go_through(w: Worker) -> None:
    """True and False stay what they are, and are no integers."""
    await through(w, True, False)


@case
async def texts_go_through(w: Worker) -> None:
    """Texts of any letters."""
    await through(w, "plain", "é\u2603\U0001f600", 'quotes " and \\', "line\nline")


@case
async def lists_go_through(w: Worker) -> None:
    """Lists of anything, in order."""
    await through(w, [1, 2.5, "x", None, True, [2, [3]]], [], [{"a": []}])


@case
async def dictionaries_go_through(w: Worker) -> None:
    """Dictionaries of anything."""
    await through(w, {"a": 1, "b": {"c": [None]}}, {}, {"é": 1.5})


@case
async def the_author_gets_python_types(w: Worker) -> None:
    """What arrives has the type of Python that JSON says."""
    node = await (await new(w)).node("type_of")
    for value, name in (
        (1, "int"),
        (1.5, "float"),
        (True, "bool"),
        ("x", "str"),
        ([1], "list"),
        ({"a": 1}, "dict"),
    ):
        equal(await node.run(x=value), name, f"the type of {value!r}")


@case
async def a_text_is_sent_as_text(w: Worker) -> None:
    """The bytes of a text are UTF-8."""
    equal(await made(w, "text"), ("text/plain", "é\u2603\U0001f600".encode()), "the frame")


@case
async def bytes_are_sent_as_they_are(w: Worker) -> None:
    """Bytes are an octet stream."""
    equal(await made(w, "bytes"), ("application/octet-stream", b"\x00\xffab"), "the frame")


@case
async def an_integer_is_sent_as_eight_bytes(w: Worker) -> None:
    """An integer is a struct of `!q`."""
    equal(await made(w, "big"), ("application/fn.struct.!q", struct.pack("!q", 2**62)), "the frame")
    equal(await made(w, "negative"), ("application/fn.struct.!q", struct.pack("!q", -(2**62))), "the frame")


@case
async def a_float_is_sent_as_eight_bytes(w: Worker) -> None:
    """A float is a struct of `!d`."""
    equal(await made(w, "float"), ("application/fn.struct.!d", struct.pack("!d", 0.1)), "the frame")


@case
async def lists_are_sent_as_json(w: Worker) -> None:
    """Lists and dictionaries are JSON."""
    mime, body = await made(w, "list")
    equal((mime, json.loads(body)), ("application/json", [1, 2.5, "x", None, True, [2]]), "the frame")
    mime, body = await made(w, "dict")
    equal((mime, json.loads(body)), ("application/json", {"a": 1, "b": {"c": [None]}}), "the frame")


@case
async def a_tuple_becomes_a_list(w: Worker) -> None:
    """A tuple of one output is a list for clients."""
    equal(await (await new(w)).ask("make", what="tuple"), [1, 2], "the value")


@case
async def keys_become_texts(w: Worker) -> None:
    """Numbers as keys of a dictionary are texts for clients."""
    equal(await (await new(w)).ask("make", what="numbers as keys"), {"1": "a"}, "the value")


@case
async def typed_inputs_take_their_types(w: Worker) -> None:
    """A parameter of each type takes a value of it."""
    instance = await new(w)
    equal(await instance.ask("integer", x=4), 5, "an int")
    equal(await instance.ask("number", x=5.0), 2.5, "a float")
    equal(await instance.ask("truth", x=True), False, "a bool")
    equal(await instance.ask("text", x="ä"), "Ä", "a text")
    equal(await instance.ask("reverse", x=[1, 2]), [2, 1], "a list")
    equal(await instance.ask("keys", x={"b": 1, "a": 2}), ["a", "b"], "a dictionary")
    equal(
        await instance.ask("plain", x=[1], y={"k": "v"}), {"k": "v", "x": [1]}, "a plain list and dictionary"
    )


@case
async def an_optional_input_may_be_none(w: Worker) -> None:
    """An Optional has None as its default, and takes a value."""
    instance = await new(w)
    equal(await instance.ask("optional"), "None", "without a value")
    equal(await instance.ask("optional", x=3), "3", "with a value")


@case
async def a_union_takes_either(w: Worker) -> None:
    """A Union takes a value of each of its types."""
    node = await (await new(w)).node("union")
    equal([await node.run(x=3), await node.run(x="t")], ["3", "'t'"], "what comes out")


@case
async def modern_annotations_work(w: Worker) -> None:
    """`int | None`, `list[str]`, `dict[str, float]`, with their defaults."""
    node = await (await new(w)).node("modern")
    equal(await node.run(), "[None, ['a'], {}]", "the defaults")
    equal(await node.run(x=1, y=["b"], z={"k": 0.5}), "[1, ['b'], {'k': 0.5}]", "other values")


@case
async def bytes_go_along_an_edge(w: Worker) -> None:
    """Bytes, which no client can send as JSON, go from node to node."""
    instance = await new(w)
    source, target = await instance.node("data"), await instance.node("measure")
    edge = {"src_nid": source.id, "src_ioid": "out", "trg_nid": target.id, "trg_ioid": "x"}
    await w.client.call("add_edge", **edge)
    await source.set("x", 7)
    await target.gives(7)


@case
async def lists_go_along_an_edge(w: Worker) -> None:
    """A list is the same list at the other end."""
    instance = await new(w)
    source, target = await instance.node("reverse"), await instance.node("reverse")
    edge = {"src_nid": source.id, "src_ioid": "out", "trg_nid": target.id, "trg_ioid": "x"}
    await w.client.call("add_edge", **edge)
    await source.set("x", [1, 2, 3])
    await target.gives([1, 2, 3])


@case
async def simple_types_are_named(w: Worker) -> None:
    """int, float, bool, str, bytes, list, dict and Any are called so."""
    equal(list(await types(w, "integer")), [["int"], ["int"]], "int")
    equal(list(await types(w, "number")), [["float"], ["float"]], "float")
    equal(list(await types(w, "truth")), [["bool"], ["bool"]], "bool")
    equal(list(await types(w, "measure")), [["bytes"], ["int"]], "bytes")
    equal(list(await types(w, "plain")), [["list", "dict"], ["dict"]], "list, dict")
    equal(list(await types(w, "type_of")), [["Any"], ["str"]], "Any")


@case
async def lists_say_what_is_in_them(w: Worker) -> None:
    """`List[int]` and `Set[int]` are arrays, the latter of unique items."""
    array = {"type": "array", "uniqueItems": False, "items": "int"}
    equal(list(await types(w, "reverse")), [[array], [array]], "List[int]")
    equal((await types(w, "unique"))[0], [{**array, "uniqueItems": True}], "Set[int]")


@case
async def dictionaries_say_what_is_in_them(w: Worker) -> None:
    """`Dict[str, int]` is an object with keys and values."""
    equal((await types(w, "keys"))[0], [{"type": "object", "keys": "str", "values": "int"}], "the type")


@case
async def unions_say_their_types(w: Worker) -> None:
    """Union and Optional are any of their types."""
    equal((await types(w, "union"))[0], [{"anyOf": ["int", "str"]}], "Union")
    equal((await types(w, "optional"))[0], [{"anyOf": ["int", "None"]}], "Optional")


@case
async def a_tuple_is_as_many_outputs(w: Worker) -> None:
    """`Tuple[int, str]` without names is two outputs."""
    seen = (await (await new(w)).library())["pair"]["outputs"]
    equal([[port["uuid"], port["type"]] for port in seen], [["out0", "int"], ["out1", "str"]], "the outputs")


@case
async def what_is_not_annotated_is_anything(w: Worker) -> None:
    """A parameter without annotation is Any."""
    equal((await types(w, "unsaid"))[0], ["Any", "Any"], "the types")


@case
async def what_returns_nothing_said_has_no_output(w: Worker) -> None:
    """A method that does not say what it returns has no output."""
    equal((await types(w, "unsaid"))[1], [], "the types")
