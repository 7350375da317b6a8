"""A stand-in for the sandbox, so that what runs in it can be tested on any Python: the modules that componentize-py
generates, with a host that keeps what it is told."""

from __future__ import annotations

import enum
import sys
import types as modules
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))


@dataclass(frozen=True)
class Err(Exception):
    """What an import refuses, and an export raises."""

    value: Any


class Level(enum.Enum):
    TRACE, DEBUG, INFO, WARN, ERROR = range(5)


class Trigger(enum.Enum):
    NO, YES = range(2)


class Told:
    """What the host was told, and what it answers."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.said: list[tuple[Any, ...]] = []
        self.nodes: list[Any] = []
        self.waits = True
        self.name = ""
        self.files: dict[str, bytes] = {}
        self.entry = ""
        self.granted: list[str] = []

    def text(self) -> str:
        """The log."""
        return "\n".join(line for _, line in self.lines)


TOLD = Told()


class Node:
    """A node of the graph."""

    def __init__(self, id: str) -> None:
        self._id, self.values = id, {}

    def id(self) -> str:
        return self._id

    def value(self, name: str) -> Any:
        return self.values.get(name, WIT.Value_None_())

    def set_value(self, name: str, value: Any, trigger: Trigger) -> None:
        self.values[name] = value
        TOLD.said.append(("set_value", self._id, name, value, trigger))

    def set_default(self, name: str, value: Any) -> None:
        TOLD.said.append(("set_default", self._id, name, value))

    def set_value_options(self, name: str, options: str) -> None:
        TOLD.said.append(("set_value_options", self._id, name, options))

    def set_render_options(self, name: str, options: str) -> None:
        TOLD.said.append(("set_render_options", self._id, name, options))


def _module(name: str, /, **contents: Any) -> modules.ModuleType:
    module = modules.ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    return module


def _record(name: str, *fields: str) -> type:
    return make_dataclass(name, fields)


def _types() -> dict[str, Any]:
    values = {f"Value_{name}": _record(f"Value_{name}", "value") for name in _VALUES}
    return {
        "Dtype": enum.Enum("Dtype", [name.upper() for name in _DTYPES]),
        "ErrorCode": enum.Enum("ErrorCode", "INVALID_INPUT INVALID_CONFIG UNAVAILABLE DENIED BUSY INTERNAL"),
        "Error": _record("Error", "code", "message"),
        "Ndarray": _record("Ndarray", "dtype", "shape", "data"),
        "Media": _record("Media", "media_type", "data"),
        "Value_None_": _record("Value_None_"),
        **values,
        **{name: _record(name, *fields.split()) for name, fields in _RECORDS.items()},
    }


_DTYPES = ("boolean", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64")
_VALUES = ("Boolean", "Integer", "Number", "Text", "Bytes", "Json", "Array", "Media")
_RECORDS = {
    "Port": "name type description default required does_trigger hidden value_options render_options",
    "NodeClass": "name title description inputs outputs render_options trigger_on_call timeout_ms",
    "WorkerClass": "class_id title description config_schema ui_schema export_exclude loop_delay_ms is_library methods",
    "Shelf": "name description parent nodes",
    "CallInfo": "id node caller",
    "InstanceInfo": "uuid name",
    "File": "path contents",
}


def _said(name: str) -> Any:
    return lambda *arguments: TOLD.said.append((name, *arguments))


def _install() -> modules.ModuleType:
    _module("componentize_py_types", Err=Err)
    wit = _module("wit_world.imports.types", **_types())
    names = ("emit", "set_config", "set_loop_delay", "pause", "resume_in", "stop_self", "request_trigger", "progress", "panicked")
    host = _module(
        "wit_world.imports.host",
        Level=Level,
        Trigger=Trigger,
        log=lambda level, line: TOLD.lines.append((level.name.lower(), line)),
        wait=lambda ms, call: TOLD.said.append(("wait", ms, call)) or TOLD.waits,
        name=lambda: TOLD.name,
        nodes=lambda method: TOLD.nodes,
        get_node_class=lambda method: Node(""),
        **{name: _said(name) for name in names},
    )
    rest = {
        "host": host,
        "types": wit,
        "program": _module(
            "wit_world.imports.program",
            files=lambda: [wit.File(path, contents) for path, contents in sorted(TOLD.files.items())],
            entry=lambda: TOLD.entry,
            granted=lambda: TOLD.granted,
        ),
        "environment": _module("wit_world.imports.environment", get_environment=lambda: [("HOME", "/home/lab")]),
        "preopens": _module("wit_world.imports.preopens", get_directories=lambda: [(None, "/data")]),
        "insecure_seed": _module("wit_world.imports.insecure_seed", get_insecure_seed=lambda: (1, 2)),
    }
    imports = _module("wit_world.imports", **rest)
    exports = _module("wit_world.exports", Worker=object, State=object)
    _module("wit_world", imports=imports, exports=exports)
    return wit


WIT: Any = _install()
