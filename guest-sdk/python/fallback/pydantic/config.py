"""`model_config`: what of it there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._errors import PydanticUserError, UnsupportedError

_KNOWN = frozenset(
    {
        "alias_generator",
        "allow_inf_nan",
        "arbitrary_types_allowed",
        "coerce_numbers_to_str",
        "defer_build",
        "extra",
        "frozen",
        "hide_input_in_errors",
        "json_schema_extra",
        "loc_by_alias",
        "populate_by_name",
        "protected_namespaces",
        "str_max_length",
        "str_min_length",
        "str_strip_whitespace",
        "str_to_lower",
        "str_to_upper",
        "strict",
        "title",
        "use_enum_values",
        "validate_assignment",
        "validate_by_name",
        "validate_default",
    }
)
# What is the same as not having said it.
_DEFAULTS: dict[str, Any] = {
    "from_attributes": False,
    "revalidate_instances": "never",
    "ser_json_bytes": "utf8",
    "ser_json_timedelta": "iso8601",
    "use_attribute_docstrings": False,
    "val_json_bytes": "utf8",
    "validate_by_alias": True,
}


def ConfigDict(**words: Any) -> dict[str, Any]:
    """The configuration of a model."""
    return words


def merged(inherited: Iterable[dict[str, Any]], own: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a class, all of which must be known."""
    for name, value in own.items():
        if name not in _KNOWN and not (name in _DEFAULTS and _DEFAULTS[name] == value):
            raise UnsupportedError(f"`{name}={value!r}` of model_config")
    if own.get("extra", "ignore") not in ("allow", "forbid", "ignore", None):
        raise PydanticUserError(f"`extra` of model_config cannot be {own['extra']!r}")
    if own.get("alias_generator") is not None and not callable(own["alias_generator"]):
        raise UnsupportedError("an `alias_generator` that is no function")
    out: dict[str, Any] = {}
    for one in inherited:
        out.update(one)
    extra = {**(out.get("json_schema_extra") or {})} if isinstance(out.get("json_schema_extra"), dict) else {}
    out.update(own)
    if extra and isinstance(own.get("json_schema_extra"), dict):
        out["json_schema_extra"] = {**extra, **own["json_schema_extra"]}
    return out
