"""From an annotation to the node that it means."""

from __future__ import annotations

import collections.abc as abc
import datetime
import decimal
import enum
import pathlib
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

from . import _choices, _limits, _scalars, _times
from ._containers import AnySequence, CallableNode, DictNode, InstanceOf, Nullable, Sequence, TupleNode, Union
from ._errors import PydanticUserError, UnsupportedError
from ._nodes import Described, Node, Schema, Strictly
from .fields import FieldInfo
from .functional_validators import _OfAnnotated
from .types import AllowInfNan, SecretBytes, SecretStr, Strict, StringConstraints

_FIXED: dict[Any, Callable[[], Node]] = {
    Any: Node,
    object: Node,
    None: _scalars.NoneNode,
    type(None): _scalars.NoneNode,
    int: _scalars.Integer,
    bool: _scalars.Boolean,
    bytes: _scalars.Bytes,
    decimal.Decimal: _scalars.DecimalNode,
    uuid.UUID: _scalars.UuidNode,
    datetime.datetime: _times.DateTime,
    datetime.date: _times.Date,
    datetime.time: _times.Time,
    datetime.timedelta: _times.Duration,
    SecretStr: lambda: _scalars.Secret(SecretStr, _scalars.Text()),
    SecretBytes: lambda: _scalars.Secret(SecretBytes, _scalars.Bytes()),
}
_LISTS = (list, abc.MutableSequence)
_DICTS = (dict, abc.Mapping, abc.MutableMapping)
_SETS = (set, abc.Set, abc.MutableSet)
_PATHS = (pathlib.Path, pathlib.PurePath, pathlib.PosixPath, pathlib.PurePosixPath)
_OF_CONFIG = {"str_strip_whitespace": "strip_whitespace", "str_to_lower": "to_lower", "str_to_upper": "to_upper"}
_OF_CONFIG |= {"str_min_length": "min_length", "str_max_length": "max_length"}
_OF_CONFIG |= {"coerce_numbers_to_str": "coerce_numbers_to_str"}


class Builder:
    """Builds the nodes of one model."""

    def __init__(self, config: dict[str, Any], scope: dict[str, Any]) -> None:
        self._config, self._scope = config, scope

    def evaluated(self, annotation: Any) -> Any:
        """An annotation that was written as text; a `NameError` says that it is too early for that."""
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            # The author's own annotation, with what the author's own module knows.
            annotation = eval(annotation, self._scope)  # noqa: S307
        return annotation

    def node(self, annotation: Any) -> Node:
        """What an annotation means."""
        annotation = self.evaluated(annotation)
        alias = getattr(typing, "TypeAliasType", None)
        if alias is not None and isinstance(annotation, alias):
            raise UnsupportedError(f"the type alias `{annotation.__name__}`")
        if isinstance(annotation, typing.NewType):
            return self.node(annotation.__supertype__)
        origin = typing.get_origin(annotation)
        if origin is None:
            return self._plain(annotation)
        return self._of(origin, typing.get_args(annotation))

    def _plain(self, annotation: Any) -> Node:
        try:
            fixed = _FIXED.get(annotation)
        except TypeError:
            fixed = None
        if fixed is not None:
            return fixed()
        if annotation is str:
            options = {word: self._config[name] for name, word in _OF_CONFIG.items() if self._config.get(name)}
            return _scalars.Text(options)
        if annotation is float:
            return _scalars.Number(self._config.get("allow_inf_nan", True))
        if annotation in (abc.Callable, typing.Callable):
            return CallableNode()
        if annotation in _PATHS:
            return _scalars.PathNode(annotation)
        if annotation in (*_LISTS, *_DICTS, *_SETS, tuple, frozenset, abc.Sequence):
            return self._of(annotation, ())
        if isinstance(annotation, type):
            return self._class(annotation)
        raise unknown(annotation)

    def _class(self, cls: type) -> Node:
        as_node = getattr(cls, "__pydantic_node__", None)
        if as_node is not None:
            return typing.cast(Node, as_node())
        if issubclass(cls, enum.Enum):
            return _choices.EnumNode(cls, bool(self._config.get("use_enum_values")))
        if self._config.get("arbitrary_types_allowed"):
            return InstanceOf(cls)
        raise unknown(cls)

    def _of(self, origin: Any, args: tuple[Any, ...]) -> Node:
        if origin is typing.Annotated:
            return self._annotated(args[0], args[1:])
        if origin is typing.Union or origin is types.UnionType:
            return self._union(args)
        if origin is typing.Literal:
            return _choices.LiteralNode(_flat_literal(args))
        if origin is abc.Callable:
            return CallableNode()
        if origin in _LISTS or origin is abc.Sequence:
            return AnySequence(self._argument(args)) if origin is abc.Sequence else Sequence(list, self._argument(args))
        if origin in _SETS:
            return Sequence(set, self._argument(args))
        if origin is frozenset:
            return Sequence(frozenset, self._argument(args))
        if origin in _DICTS:
            key, item = args or (Any, Any)
            return DictNode(self.node(key), self.node(item))
        if origin is tuple:
            return self._tuple(args)
        raise unknown(origin)

    def _argument(self, args: tuple[Any, ...]) -> Node:
        return self.node(args[0]) if args else Node()

    def _tuple(self, args: tuple[Any, ...]) -> Node:
        if not args or (len(args) == 2 and args[1] is ...):
            return Sequence(tuple, self._argument(args))
        return TupleNode([self.node(arg) for arg in args])

    def _union(self, args: tuple[Any, ...]) -> Node:
        members = [self.node(arg) for arg in args if arg is not type(None) and arg is not None]
        inner = members[0] if len(members) == 1 else Union(members)
        return Nullable(inner) if len(members) < len(args) else inner

    def _annotated(self, annotation: Any, metadata: tuple[Any, ...]) -> Node:
        node = self.node(annotation)
        for item in metadata:
            node = self.with_metadata(node, item)
        return node

    def with_metadata(self, node: Node, item: Any) -> Node:
        """A type with something that stands beside it in an `Annotated`."""
        if isinstance(item, str):
            return node
        if isinstance(item, FieldInfo):
            limited = constrained(node, item)
            return Described(limited, lambda schema: worded(schema, item))
        if isinstance(item, _OfAnnotated):
            return item.around(node)
        if isinstance(item, StringConstraints):
            words = dict(item.words)
            strict = words.pop("strict", None)
            node = node.limited(words) if words else node
            return node if strict is None else Strictly(node, strict)
        if isinstance(item, Strict):
            return Strictly(node, item.strict)
        if isinstance(item, AllowInfNan):
            return node.limited({"allow_inf_nan": item.allow_inf_nan})
        if type(item).__module__ in ("typing", "typing_extensions"):
            return node
        return node.limited(_limits.of_metadata(item))


def constrained(node: Node, info: FieldInfo) -> Node:
    """A type with the constraints of a `Field`."""
    limits = dict(info.constraints)
    strict = limits.pop("strict", None)
    if limits:
        node = node.limited(limits)
    if info.union_mode == "left_to_right":
        if not isinstance(node, Union):
            raise PydanticUserError("`union_mode` is for unions only")
        node = node.left_to_right()
    return node if strict is None else Strictly(node, strict)


def worded(schema: Schema, info: FieldInfo) -> Schema:
    """A schema with the words of a `Field`."""
    schema = dict(schema)
    for name in ("title", "description", "examples"):
        if getattr(info, name) is not None:
            schema[name] = getattr(info, name)
    if info.deprecated:
        schema["deprecated"] = True
    extra = info.json_schema_extra
    if callable(extra):
        extra(schema)
    elif extra:
        schema.update(extra)
    return schema


def unknown(annotation: Any) -> UnsupportedError:
    """Of a type that a model cannot have."""
    return UnsupportedError(f"the type `{getattr(annotation, '__name__', annotation)}` of a field")


def _flat_literal(args: tuple[Any, ...]) -> tuple[Any, ...]:
    flat: list[Any] = []
    for arg in args:
        flat += _flat_literal(typing.get_args(arg)) if typing.get_origin(arg) is typing.Literal else [arg]
    return tuple(flat)
