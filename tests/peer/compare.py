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

# Where (`step:path`, with `*` and `?`) and why.
EXPECTED: list[tuple[str, str]] = []

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
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (a, b) in enumerate(zip(left, right)):
            yield from differences(f"{path}[{index}]", a, b)
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield path, left, right


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
    unexplained, used = 0, set()
    for path, left, right in found:
        reasons = [entry for entry in expected if fnmatch.fnmatchcase(path, entry[0])]
        used.update(pattern for pattern, _ in reasons)
        mark, reason = ("expected", f" ({reasons[0][1]})") if reasons else ("DIFFERS ", "")
        unexplained += not reasons
        print(f"{mark} {path}{reason}\n    {names[0]}: {shown(left)}\n    {names[1]}: {shown(right)}")
    return unexplained, used


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
