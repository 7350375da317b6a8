"""Tells the Python Worker and `ewh serve` the same things, and prints every difference between what
they answer and send. The differences that are meant are in `EXPECTED`; one that is not there fails.
"""

import asyncio
import fnmatch
import json
import sys
from collections.abc import Iterator
from typing import Any

import script
from peers import arguments, running
from session import Session

# Where (`step:path`, with `*` for anything and round brackets) and why.
EXPECTED: list[tuple[str, str]] = [
    # Who hears what.
    ("*:.others.error", "an answer goes to who asked, an error too"),
    ("*:.events.progress*", "what a person waits for fails where the UI shows it"),
    ("*:.error", "own words"),
    ("*:.code", "an error has a code for programs"),
    ("no_command:.result.error", "own words"),
    ("no_command:.result.code", "an error has a code for programs"),
    ("malformed:.result", "an error, not a closed connection"),
    ("unknown_type:.result", "an error, not silence"),
    # Classes and instances.
    ("*.class_name", "the class id names the class"),
    ("*._classref", "the class id names the class"),
    ("add:.result.name", "instances are called after the title, which is what a person sees"),
    ("add.*:.result.name", "instances are called after the title, which is what a person sees"),
    ("*.instances.(*).name", "instances are called after the title, which is what a person sees"),
    ("*:.result.running", "it runs when the answer comes"),
    ("*.config.token", "secrets are only in the settings form"),
    ("*.config.hidden", "secrets are only in the settings form"),
    ("*.external_workers.value_worker", "a class without instances has no entry"),
    ("full_state:.result.worker.value_worker", "a class without instances has no entry"),
    ("removed.config:.*", "what is removed is gone, not only when the garbage is collected"),
    ("removed.value:*", "what was just removed is nothing, not an error in the page"),
    ("remove.again:*", "what was just removed is gone, not an error in the page"),
    ("repeated_id*", "a repeated request is answered, not done, again"),
    ("*:.events.lib_update", "a configuration may change the nodes, loading a graph does not"),
    # The settings form.
    ("*.jsonSchema.$schema", "it says which JSON Schema it is"),
    ("*.jsonSchema.properties.*.format", "Rust tells the size of a number"),
    ("*.jsonSchema.properties.*.title", "a field is called what its author calls it"),
    ("*.jsonSchema.properties.*.description", "a field says what its author says of it"),
    ("*.uiSchema", "it keeps the order of the fields"),
    ("update.unknown_field:.events.external_worker_update", "what is no field changes nothing"),
    # Nodes.
    ("*.required", "an input with a default can do without a value"),
    ("*type.keys(*)", "the keys of an enum are its variants' names"),
    ("*options.keys(*)", "the keys of an enum are its variants' names"),
    ("add_node.shelf:.result.node_id", "a node of a shelf belongs to its instance"),
    ("add_node.shelf:.result.status.in_trigger", "no node runs only because it was made"),
    ("*.subshelves.(extras).nodes.*", "a node of a shelf belongs to its instance"),
    ("*<shelf>*.node_id", "a node of a shelf belongs to its instance"),
    ("*node_removed <shelf>", "a node of a shelf belongs to its instance and goes with it"),
    ("*removed.nodes:.result.(<shelf>)", "a node of a shelf belongs to its instance and goes with it"),
    ("*:.events.io_value <shelf> out", "no node runs only because it was made"),
    ("*:.events.trigger <shelf>", "no node runs only because it was made"),
    ("*<shelf>*.in_trigger", "no node runs only because it was made"),
    ("*(<shelf>).status.outputs.*.has_value", "no node runs only because it was made"),
    ("*.frontend", "left out unless asked for"),
    ("types.fail.status:.result.error", "a node keeps why it failed"),
    ("update_node.unknown:*", "an error is an error"),
    ("remove_node.again:*", "an error is an error"),
    ("*:.events.after_set_nodespace *", "no client needs it"),
    # Values.
    ("set.wrong_type*", "what is no value of the type is refused at once"),
    ("set.null:*", "what is no value of the type is refused at once"),
    ("run.level.unlisted:*", "what is no value of the type is refused at once"),
    ("run.gain.integer:*", "a number for a float is one"),
    ("shelf.x.integer:*", "a number for a float is one"),
    ("run.gain.null:.events.io_value <run> gain", "None is a value"),
    ("types.*.empty:.events.io_value *", "what is empty is a value"),
    ("types.blob.large.value:.result", "the preview of bytes is short, as that of text is"),
    ("*get_io_full_value:.result*", "plain JSON unless bytes are asked for"),
    ("types.*.full:.result*", "plain JSON unless bytes are asked for"),
    # Edges.
    ("*:.events.after_connect *", "one event for one edge"),
    ("*:.events.after_disconnect *", "one event for one edge"),
    ("add_edge.again:.result", "the edge that is there"),
    ("add_edge.replace:.events.io_value <first> a", "an input that gets another edge keeps its value until then"),
    # State.
    ("*.value_options.m??", "options that were changed are saved"),
    ("*.io.a.*value_options", "options that were changed are saved"),
    ("*meta.version", "its own version"),
    ("get_meta:.result.version", "its own version"),
    ("get_config:*", "nothing of the host's network, processes and folders"),
    ("name:.result", "a name that a person reads"),
    ("exported:.result.config.*", "nothing of Python, and no secret"),
    ("full_state:.result.backend.groups", "with the groups"),
    ("full_state:.result.progress_state.*", "what happened last"),
    ("update_from_export:.result", "it says what was loaded and what was not"),
    ("load_data:.result", "it says what was loaded and what was not"),
    # Imports replace nodes that are placeholders until their instance runs.
    ("update_from_export:.events.node_added *", "placeholders until their instance runs"),
    ("update_from_export:.events.node_removed *", "placeholders until their instance runs"),
    ("update_from_export:.events.fullsync", "one is enough"),
    # Packages: Python ones there, components here.
    ("get_available_modules:*", "other packages"),
    ("package.add:.events.*", "the same in other words"),
    ("package.remove:.events.update_worker_dependencies*", "in both shapes, since the UI reads the other one"),
]

# How often these come says nothing: clients read everything again at each.
AGAIN = {"lib_update", "external_worker_update"}
# A quick run says `triggerfast` instead of the others, so only that something ran can be compared.
TRIGGERS = {"triggerstart", "triggerdone", "triggerfast"}


def identity(message: Any) -> str:
    """What a message is about. Those of one identity are compared with each other."""
    if message.get("type") == "binary":
        header = message["header"]
        return f"{header.get('type')} {header.get('node')} {header.get('io')}"
    data = message.get("data")
    data = data if isinstance(data, dict) else {}
    node = data.get("node")
    node = node.get("id") if isinstance(node, dict) else node
    event = "trigger" if message.get("event") in TRIGGERS else message.get("event", message.get("type"))
    return f"{event} {node}" if node else str(event)


def grouped(messages: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for message in messages:
        event = message.get("event")
        if event == "progress":
            continue
        name = identity(message)
        if event in TRIGGERS:
            groups[name] = ["ran"]
        elif event in AGAIN:
            groups[name] = [message]
        else:
            groups.setdefault(name, []).append(message)
    return groups


def prepared(step: dict[str, Any]) -> dict[str, Any]:
    """Events by what they are about, since their order between nodes is nobody's promise."""
    events = {key: grouped(step[key]) for key in ("events", "others") if key in step}
    return {**step, **events}


def differences(path: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            yield from differences(f"{path}.{key}", left.get(key, MISSING), right.get(key, MISSING))
    elif (a := by_identity(left)) is not None and (b := by_identity(right)) is not None:
        yield from differences(path, a, b)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (a, b) in enumerate(zip(left, right)):
            yield from differences(f"{path}[{index}]", a, b)
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield path, left, right


def by_identity(items: Any) -> dict[str, Any] | None:
    """A list of things that have names, so that one more does not make all others differ."""
    for key in ("id", "uuid", "node_id", "name"):
        if isinstance(items, list) and all(isinstance(item, dict) and key in item for item in items):
            named = {f"[{item[key]}]": item for item in items}
            return named if len(named) == len(items) else None
    return None


class Missing:
    def __repr__(self) -> str:
        return "(nothing)"


MISSING = Missing()


def shown(value: Any) -> str:
    text = repr(value) if isinstance(value, Missing) else json.dumps(value, ensure_ascii=False)
    return text if len(text) < 400 else f"{text[:400]}… ({len(text)})"


async def told(kind: str, options: Any) -> dict[str, Any]:
    async with running(kind, options) as peer, Session(peer) as session:
        await script.everything(session)
        return session.steps


async def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--peers", default="python,ewh", help="which two")
    options = parser.parse_args()
    names = options.peers.split(",")
    left, right = await asyncio.gather(*(told(name, options) for name in names))
    found = [
        difference
        for step in {**left, **right}
        for difference in differences(f"{step}:", prepared(left.get(step, {})), prepared(right.get(step, {})))
    ]
    expected = EXPECTED if names[0] != names[1] else []
    unexplained, used = report(found, expected, names)
    for pattern, _ in expected:
        if pattern not in used:
            print(f"note: nothing differs at {pattern}")
    print(f"{len(left)} steps, {len(found)} differences, {unexplained} of them not expected")
    return 1 if unexplained else 0


def report(
    found: list[tuple[str, Any, Any]], expected: list[tuple[str, str]], names: list[str]
) -> tuple[int, set[str]]:
    unexplained, used = [], set()
    for path, left, right in found:
        # fnmatch reads brackets as something else.
        plain = path.replace("[", "(").replace("]", ")")
        reasons = [entry for entry in expected if fnmatch.fnmatchcase(plain, entry[0])]
        used.update(pattern for pattern, _ in reasons)
        mark, reason = ("expected", f" ({reasons[0][1]})") if reasons else ("DIFFERS ", "")
        line = f"{mark} {path}{reason}\n    {names[0]}: {shown(left)}\n    {names[1]}: {shown(right)}"
        if reasons:
            print(line)
        else:
            unexplained.append(line)
    # Last, where they are seen.
    for line in unexplained:
        print(line)
    return len(unexplained), used


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
