"""A model as a type: how it is filled, given out and described."""

from __future__ import annotations

import collections.abc
import inspect
from typing import Any

from ._build import worded
from ._choices import define
from ._errors import Invalid, PydanticSerializationError, invalid
from ._giving import Giving, infer
from ._nodes import STRICT, Definitions, Node, Schema, Taking, guarded
from .fields import FieldInfo
from .functional_validators import Mark, positional


class ModelNode(Node):
    """One class of a model."""

    titled = False

    def __init__(self, cls: Any) -> None:
        self._class, self.label = cls, cls.__name__

    def take(self, value: Any, how: Taking) -> Any:
        cls = self._class
        cls.__pydantic_ensure__()
        for mark in reversed(cls.__pydantic_marks__["before"]):
            value = _called(mark, cls, None, value, how, value)
        if isinstance(value, cls):
            if type(value) is not cls:
                how.converted(STRICT)
            how.fields_set = len(value.__pydantic_fields_set__)
            return value
        how.converted()
        instance = cls.__new__(cls)
        fill(instance, value, how)
        return after(instance, value, how)

    def give(self, value: Any, how: Giving) -> Any:
        return dump(self._class, value, how) if isinstance(value, self._class) else infer(value, how)

    def fits(self, value: Any) -> bool:
        return isinstance(value, self._class)

    def schema(self, defs: Definitions) -> Schema:
        return define(self._class, lambda: _schema(self._class, defs), defs)


def start(instance: Any, given: Any, how: Taking) -> None:
    """Fills an instance that was made by calling its class."""
    cls = type(instance)
    for mark in reversed(cls.__pydantic_marks__["before"]):
        given = _called(mark, cls, None, given, how, given)
    fill(instance, given, how)
    after(instance, given, how)


def fill(instance: Any, given: Any, how: Taking) -> None:
    """Takes in the values of all fields."""
    cls = type(instance)
    if not isinstance(given, collections.abc.Mapping):
        raise invalid("model_type", given, {"class_name": cls.__name__}, json=how.json)
    if not isinstance(given, dict):
        how.converted()
    outer = (how.data, how.field_name, how.strict, how.config)
    values: dict[str, Any] = {}
    how.data, how.config, how.strict = values, cls.model_config, how.base_strict
    try:
        fields_set, extra, inner = _fields(cls, given, values, how)
    finally:
        how.data, how.field_name, how.strict, how.config = outer
    object.__setattr__(instance, "__dict__", values)
    object.__setattr__(instance, "__pydantic_fields_set__", fields_set)
    object.__setattr__(instance, "__pydantic_extra__", extra)
    how.fields_set = len(fields_set) + inner
    start_private(instance)
    instance.model_post_init(how.context)


def start_private(instance: Any) -> None:
    """Gives an instance its private attributes."""
    attributes = type(instance).__private_attributes__
    private = {name: one.get_default() for name, one in attributes.items()}
    from ._errors import PydanticUndefined

    known = {name: value for name, value in private.items() if value is not PydanticUndefined}
    object.__setattr__(instance, "__pydantic_private__", known if attributes else None)


def _fields(cls: Any, given: Any, values: dict[str, Any], how: Taking) -> tuple[set[str], Any, int]:
    left, fields_set, problems, inner = dict(given), set(), [], 0
    for name, info in cls.model_fields.items():
        key = _key(cls, name, info, left)
        how.fields_set = None
        try:
            if key in left:
                how.field_name = name
                values[name] = cls.__pydantic_nodes__[name].take(left.pop(key), how)
                fields_set.add(name)
            elif info.is_required():
                raise invalid("missing", given)
            else:
                values[name] = _default(cls, name, info, values, how)
        except Invalid as error:
            problems += error.within(key).problems
        inner += how.fields_set or 0
    extra = cls.model_config.get("extra") or "ignore"
    for key, value in left.items():
        if extra != "ignore" and not isinstance(key, str):
            problems += invalid("invalid_key", key).within(key).problems
        elif extra == "forbid":
            problems += invalid("extra_forbidden", value).within(key).problems
    if problems:
        raise Invalid(problems)
    if extra != "allow":
        return fields_set, None, inner
    return fields_set | set(left), left, inner


def _key(cls: Any, name: str, info: FieldInfo, left: dict[str, Any]) -> str:
    alias = info.validation_alias
    if alias is None:
        return name
    config = cls.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return name if by_name and alias not in left and name in left else alias


def _default(cls: Any, name: str, info: FieldInfo, values: dict[str, Any], how: Taking) -> Any:
    default = info.get_default(call_default_factory=True, validated_data=values)
    wanted = info.validate_default
    if wanted or (wanted is None and cls.model_config.get("validate_default")):
        how.field_name = name
        return cls.__pydantic_nodes__[name].take(default, how)
    return default


def after(instance: Any, given: Any, how: Taking) -> Any:
    """Lets the validators of the model see the instance."""
    cls = type(instance)
    for mark in cls.__pydantic_marks__["after"]:
        instance = _called(mark, cls, instance, given, how)
    return instance


def _called(mark: Mark, cls: Any, instance: Any, given: Any, how: Taking, *arguments: Any) -> Any:
    from ._nodes import ValidationInfo

    function = mark.__get__(instance, cls)
    if positional(function) > len(arguments):
        arguments = (*arguments, ValidationInfo(how))
    return guarded(given, function, *arguments)


def dump(cls: Any, value: Any, how: Giving) -> dict[str, Any]:
    """The fields that the class has, of an instance of it."""
    out: dict[str, Any] = {}
    for name, item in vars(value).items():
        info = cls.model_fields.get(name)
        if info is None or not _is_given(value, name, item, info, how):
            continue
        inner = how.at(name)
        if inner is not None:
            key = info.serialization_alias if how.by_alias and info.serialization_alias else name
            out[key] = _given(cls, value, name, item, inner)
    for name, item in (value.__pydantic_extra__ or {}).items():
        inner = how.at(name)
        if inner is not None and not (how.exclude_none and item is None):
            out[name] = infer(item, inner)
    if not how.no_computed:
        _computed(cls, value, how, out)
    return out


def _is_given(value: Any, name: str, item: Any, info: FieldInfo, how: Giving) -> bool:
    if info.exclude or (how.exclude_none and item is None):
        return False
    if how.exclude_unset and name not in value.__pydantic_fields_set__:
        return False
    if not how.exclude_defaults or info.is_required():
        return True
    return bool(info.get_default(call_default_factory=True) != item)


def _given(cls: Any, value: Any, name: str, item: Any, how: Giving) -> Any:
    for mark in reversed(cls.__pydantic_marks__["serializer"]):
        used = mark.mode == "always" or (mark.mode.startswith("json") and how.json)
        if mark.covers(name) and used and not (item is None and mark.mode.endswith("unless-none")):
            function = mark.__get__(value, cls)
            arguments = (item, how) if positional(function) > 1 else (item,)
            return infer(function(*arguments), how)
    return cls.__pydantic_nodes__[name].give(item, how)


def _computed(cls: Any, value: Any, how: Giving, out: dict[str, Any]) -> None:
    for name, info in cls.model_computed_fields.items():
        inner = how.at(name)
        if inner is None:
            continue
        item = getattr(value, name)
        if not (how.exclude_none and item is None):
            out[info.alias if how.by_alias and info.alias else name] = infer(item, inner)


def _schema(cls: Any, defs: Definitions) -> Schema:
    cls.__pydantic_ensure__()
    properties, required = {}, []
    for name, info in cls.model_fields.items():
        key = info.validation_alias or name
        properties[key] = _field_schema(cls.__pydantic_nodes__[name], key, info, defs)
        if info.is_required():
            required.append(key)
    config = cls.model_config
    out: Schema = {"type": "object", "title": config.get("title") or cls.__name__, "properties": properties}
    if required:
        out["required"] = required
    if cls.__doc__:
        out["description"] = inspect.cleandoc(cls.__doc__)
    if config.get("extra") in ("allow", "forbid"):
        out["additionalProperties"] = config["extra"] == "allow"
    more = config.get("json_schema_extra")
    if callable(more):
        more(*((out, cls) if positional(more) > 1 else (out,)))
    elif more:
        out.update(more)
    return out


def _field_schema(node: Node, name: str, info: FieldInfo, defs: Definitions) -> Schema:
    schema = dict(node.schema(defs))
    if node.titled:
        schema["title"] = name.title().replace("_", " ").strip()
    if info.default_factory is None and not info.is_required():
        try:
            schema["default"] = node.give(info.default, Giving(mode="json"))
        except PydanticSerializationError:
            pass  # a default that JSON does not know is left out
    return worded(schema, info)


