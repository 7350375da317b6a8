"""The same probe as `guests/probes/host`, in Python: the contract belongs to no language."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import timer, types

SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "minimum": 0, "maximum": 100, "default": 1},
        "turn_ms": {"type": "integer", "minimum": 0, "default": 0},
    },
    "additionalProperties": False,
}


def port(name: str, kind: str) -> types.Port:
    return types.Port(name, json.dumps(kind), None, None, True, True, False, None, None)


def node(name: str, *inputs: types.Port) -> types.NodeClass:
    return types.NodeClass(name, None, None, list(inputs), [port("out", "int")], None, False, None)


METHODS = [node("turns"), node("applied"), node("fail"), node("wait", port("ms", "int"))]


def failure(code: types.ErrorCode, message: str) -> Err:
    return Err(types.Error(code, message))


class State:
    """What lasts: the bindings make a new `Worker` for each call."""

    turns = 0
    config: dict = {}


class Worker(exports.Worker):
    def describe(self):
        return [
            types.WorkerClass("probe", "Probe", None, json.dumps(SCHEMA), None, [], 1, False, METHODS)
        ]

    async def start(self, class_id, instance, config):
        State.config = json.loads(config)

    async def loop(self):
        await timer.sleep(State.config["turn_ms"])
        State.turns += 1

    async def update_config(self, config):
        new = json.loads(config)
        if new["number"] == 13:
            raise failure(types.ErrorCode.INVALID_CONFIG, "13 brings bad luck")
        State.config = new

    def get_nodeshelf(self):
        return None

    async def call(self, call, inputs):
        node = call.node
        if node == "turns":
            return [("out", types.Value_Integer(State.turns))]
        if node == "applied":
            return [("out", types.Value_Integer(State.config["number"]))]
        if node == "wait":
            ms = dict(inputs)["ms"].value
            await timer.sleep(ms)
            return [("out", types.Value_Integer(ms))]
        raise failure(types.ErrorCode.UNAVAILABLE, f"not today: {node}")

    def cancel(self, id):
        pass

    async def stop(self):
        pass
