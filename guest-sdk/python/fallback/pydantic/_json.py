"""JSON Schemas in the order that pydantic writes them, and JSON as it writes it."""

from __future__ import annotations

import json
from typing import Any

from ._errors import invalid
from ._nodes import Definitions, Node, Schema, Taking


def document(node: Node) -> Schema:
    """The whole schema of a type, with the definitions that it needs."""
    defs: Definitions = {}
    schema = node.schema(defs)
    bodies = {name: body for name, (_, body) in defs.items()}
    root = schema.get("$ref", "").rpartition("/")[2] if len(schema) == 1 else ""
    if root and not any(_refers(body, schema["$ref"]) for body in bodies.values()):
        schema = bodies.pop(root)
    found: Schema = _sorted({"$defs": bodies, **schema} if bodies else schema, None)
    return found


def _refers(schema: Any, reference: str) -> bool:
    if isinstance(schema, dict):
        return schema.get("$ref") == reference or any(_refers(item, reference) for item in schema.values())
    return isinstance(schema, list) and any(_refers(item, reference) for item in schema)


def _sorted(value: Any, parent: str | None) -> Any:
    """Everything is sorted, but the names of fields, and defaults."""
    if isinstance(value, dict):
        names = list(value) if parent in ("properties", "default") else sorted(value)
        return {name: _sorted(value[name], name) for name in names}
    if isinstance(value, list):
        return [_sorted(item, parent) for item in value]
    return value


def parsed(text: str | bytes | bytearray, how: Taking) -> Any:
    """A document."""
    how.json = True
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid("json_invalid", text, {"error": _why(error)}) from None


def _why(error: Exception) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return str(error) or "recursion limit exceeded"
    if error.pos >= len(error.doc):
        return f"EOF while parsing a value at line {error.lineno} column {error.colno - 1}"
    return f"{error.msg.lower()} at line {error.lineno} column {error.colno}"


def written(value: Any, indent: int | None, ensure_ascii: bool = False) -> str:
    """A document of what JSON knows."""
    separators = None if indent else (",", ":")
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=ensure_ascii)
