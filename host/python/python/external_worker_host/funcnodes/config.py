"""The settings of a sandboxed worker as FuncNodes has settings: a pydantic model, whose schema is the component's own.

The schema is a stranger's JSON Schema, with what pydantic has no fields for: conditions, hints for the form, secrets
within lists. So no fields are made from it. The model takes any dictionary and hands the schema on as it is; the host,
which has the whole of JSON Schema, decides what is valid.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

from funcnodes_worker import ExternalWorkerConfig
from pydantic import ConfigDict, PrivateAttr


class SandboxedConfig(ExternalWorkerConfig):
    """What a component's configuration is, and what of it may be exported."""

    model_config = ConfigDict(extra="ignore")

    SCHEMA: ClassVar[dict[str, Any]] = {"type": "object"}

    _values: dict[str, Any] = PrivateAttr(default_factory=dict)
    _public: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, values: dict[str, Any], public: dict[str, Any]) -> Self:
        """`public` is what is left of `values` without secrets, at every depth."""
        made = cls()
        made._values, made._public = values, public
        return made

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        return copy.deepcopy(cls.SCHEMA)

    def model_dump(self, *_: Any, **__: Any) -> dict[str, Any]:
        return copy.deepcopy(self._values)

    def exportable_dict(self) -> dict[str, Any]:
        return copy.deepcopy(self._public)

    def __repr__(self) -> str:
        # What is written into logs has no secrets.
        return f"{type(self).__name__}({self._public!r})"

    __str__ = __repr__


def config_class(name: str, schema: dict[str, Any], excluded: list[str]) -> type[SandboxedConfig]:
    """The class of the settings of one component's class."""
    body = {
        "__module__": __name__,
        "__annotations__": {"SCHEMA": "ClassVar[dict[str, Any]]", "EXPORT_EXCLUDE_FIELDS": "ClassVar[set[str]]"},
        "SCHEMA": schema,
        "EXPORT_EXCLUDE_FIELDS": set(excluded),
    }
    return type(f"{name}Config", (SandboxedConfig,), body)
