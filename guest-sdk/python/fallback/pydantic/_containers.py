"""The types of values that hold others, and unions."""

from __future__ import annotations

import collections
import collections.abc
from collections.abc import Callable, Iterable
from typing import Any

from . import _limits
from ._errors import Invalid, UnsupportedError, invalid
from ._giving import Giving, each, each_of_dict, infer
from ._nodes import EXACT, LAX, Definitions, Node, Schema, Taking

_NOT_ITEMS = (str, bytes, bytearray, memoryview, collections.abc.Mapping)


def _items(value: Any, kind: type, error: str, how: Taking) -> Any:
    """The items of `value`, if it may stand for a collection of this kind."""
    if isinstance(value, kind):
        return value
    if how.json and isinstance(value, list):
        return value
    if how.strict or isinstance(value, _NOT_ITEMS) or not isinstance(value, collections.abc.Iterable):
        raise invalid(error, value, json=how.json)
    how.converted()
    return list(value)


def _each(items: Iterable[Any], node: Node, how: Taking) -> list[Any]:
    taken, problems = [], []
    for index, item in enumerate(items):
        try:
            taken.append(node.take(item, how))
        except Invalid as error:
            problems += error.within(index).problems
    if problems:
        raise Invalid(problems)
    return taken


class Sequence(Node):
    """Lists and sets, and tuples of any length."""

    _ERRORS: dict[type, str] = {list: "list_type", set: "set_type", frozenset: "frozen_set_type", tuple: "tuple_type"}
    _WORDS: dict[type, str] = {list: "List", set: "Set", frozenset: "Frozenset", tuple: "Tuple"}

    def __init__(self, kind: type, item: Node) -> None:
        self._kind, self._item = kind, item
        self.limits: dict[str, Any] = {}
        self.label = f"{kind.__name__}[{item.label}{', ...' if kind is tuple else ''}]"

    def take(self, value: Any, how: Taking) -> Any:
        kind = self._kind
        items: Iterable[Any] = _items(value, kind, self._ERRORS[kind], how)
        taken = _each(items, self._item, how)
        found = _collected(kind, taken)
        is_set = kind in (set, frozenset)
        _limits.check_items(found, self.limits, value, self._WORDS[kind], counted=not is_set)
        return found

    def give(self, value: Any, how: Giving) -> Any:
        if not isinstance(value, (list, tuple, set, frozenset)):
            return infer(value, how)
        items = each(value, how, self._item.give)
        if how.json or isinstance(value, list):
            return items
        return _collected(type(value), items)

    def fits(self, value: Any) -> bool:
        items: Any = value
        return isinstance(value, self._kind) and all(self._item.fits(item) for item in items)

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, _limits.LENGTH)

    def schema(self, defs: Definitions) -> Schema:
        unique = {"uniqueItems": True} if self._kind in (set, frozenset) else {}
        length = _limits.size_schema(self.limits, "Items")
        return {"type": "array", "items": self._item.schema(defs), **unique, **length}


def _collected(kind: Any, items: list[Any]) -> Any:
    if kind is list:
        return items
    if kind is tuple:
        return tuple(items)
    for index, item in enumerate(items):
        try:
            hash(item)
        except TypeError:
            raise invalid("set_item_not_hashable", item).within(index) from None
    return kind(items)


class AnySequence(Sequence):
    """Lists, and what else has items in an order; tuples stay what they are."""

    def __init__(self, item: Node) -> None:
        super().__init__(list, item)
        check = "is-instance[Sequence]"
        if type(item) is not Node:
            check = f"chain[{check},function-wrap[sequence_validator()]]"
        self.label = f"json-or-python[json=list[{item.label}],python={check}]"

    def take(self, value: Any, how: Taking) -> Any:
        if not isinstance(value, collections.abc.Sequence):
            raise invalid("is_instance_of", value, {"class": "Sequence"})
        if type(self._item) is Node:
            return value
        if isinstance(value, (str, bytes, bytearray)):
            raise invalid("sequence_str", value, {"type_name": type(value).__name__})
        if not isinstance(value, tuple):
            return super().take(value, how)
        found = tuple(_each(value, self._item, how))
        _limits.check_items(found, self.limits, value, "List")
        return found

    def fits(self, value: Any) -> bool:
        items = isinstance(value, collections.abc.Sequence) and not isinstance(value, (str, bytes))
        return items and all(self._item.fits(item) for item in value)


class TupleNode(Node):
    """Tuples with a type for each place."""

    def __init__(self, items: list[Node]) -> None:
        self._items = items
        self.label = f"tuple[{', '.join(item.label for item in items)}]"

    def take(self, value: Any, how: Taking) -> tuple[Any, ...]:
        given = list(_items(value, tuple, "tuple_type", how))
        wanted = len(self._items)
        if len(given) > wanted:
            context = {"field_type": "Tuple", "max_length": wanted, "actual_length": len(given)}
            raise invalid("too_long", value, context, actual=len(given))
        taken: list[Any] = []
        problems: list[dict[str, Any]] = []
        for index, node in enumerate(self._items):
            try:
                if index >= len(given):
                    raise invalid("missing", value)
                taken.append(node.take(given[index], how))
            except Invalid as error:
                problems += error.within(index).problems
        if problems:
            raise Invalid(problems)
        return tuple(taken)

    def give(self, value: Any, how: Giving) -> Any:
        if not isinstance(value, tuple) or len(value) != len(self._items):
            return infer(value, how)
        nodes = iter(self._items)
        items = each(value, how, lambda item, inner: next(nodes).give(item, inner))
        return items if how.json else tuple(items)

    def fits(self, value: Any) -> bool:
        same = isinstance(value, tuple) and len(value) == len(self._items)
        return same and all(node.fits(item) for node, item in zip(self._items, value, strict=True))

    def schema(self, defs: Definitions) -> Schema:
        count = len(self._items)
        items = [node.schema(defs) for node in self._items]
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}


class DictNode(Node):
    """Dictionaries."""

    def __init__(self, key: Node, item: Node) -> None:
        self._key, self._item = key, item
        self.limits: dict[str, Any] = {}
        self.label = f"dict[{key.label},{item.label}]"

    def take(self, value: Any, how: Taking) -> dict[Any, Any]:
        if not isinstance(value, dict):
            if how.strict or not isinstance(value, collections.abc.Mapping):
                raise invalid("dict_type", value, json=how.json)
            how.converted()
        taken: dict[Any, Any] = {}
        problems: list[dict[str, Any]] = []
        for key, item in value.items():
            good = [_or_problems(self._key, key, how, problems, key, "[key]")]
            good.append(_or_problems(self._item, item, how, problems, key))
            if not problems:
                taken[good[0]] = good[1]
        if problems:
            raise Invalid(problems)
        _limits.check_items(taken, self.limits, value, "Dictionary", counted=False)
        return taken

    def give(self, value: Any, how: Giving) -> Any:
        if not isinstance(value, dict):
            return infer(value, how)
        return each_of_dict(value, how, self._key.give, self._item.give)

    def fits(self, value: Any) -> bool:
        return isinstance(value, dict)

    def limited(self, limits: dict[str, Any]) -> Node:
        return self.with_limits(limits, _limits.LENGTH)

    def schema(self, defs: Definitions) -> Schema:
        names, item = self._key.schema(defs), self._item.schema(defs)
        names.pop("title", None)
        pattern = names.pop("pattern", None)
        out: Schema = {"type": "object", **_limits.size_schema(self.limits, "Properties")}
        if pattern is not None:
            out["patternProperties"] = {pattern: item}
        else:
            out["additionalProperties"] = item or True
        if names.get("type", "string") == "string":
            names.pop("type", None)
            if names:
                out["propertyNames"] = names
        return out


def _or_problems(node: Node, value: Any, how: Taking, problems: list[dict[str, Any]], *loc: Any) -> Any:
    try:
        return node.take(value, how)
    except Invalid as error:
        problems += error.within(*loc).problems
        return None


class Nullable(Node):
    """A type, or None."""

    def __init__(self, inner: Node) -> None:
        self._inner = inner
        self.label, self.titled = f"nullable[{inner.label}]", inner.titled

    def take(self, value: Any, how: Taking) -> Any:
        return None if value is None else self._inner.take(value, how)

    def give(self, value: Any, how: Giving) -> Any:
        return None if value is None else self._inner.give(value, how)

    def fits(self, value: Any) -> bool:
        return value is None or self._inner.fits(value)

    def limited(self, limits: dict[str, Any]) -> Node:
        return Nullable(self._inner.limited(limits))

    def schema(self, defs: Definitions) -> Schema:
        return any_of([self._inner.schema(defs), {"type": "null"}])


class Union(Node):
    """One of several types: the one that fits best, or the first that fits."""

    def __init__(self, members: list[Node], left_to_right: bool = False) -> None:
        self._members, self._left_to_right = members, left_to_right
        self.label = f"union[{','.join(member.label for member in members)}]"

    def left_to_right(self) -> Union:
        """The same types, of which the first that fits is taken."""
        return Union(self._members, True)

    def take(self, value: Any, how: Taking) -> Any:
        problems: list[dict[str, Any]] = []
        best: tuple[Any, int, int | None] | None = None
        outer = how.exactness
        for member in self._members:
            how.exactness, how.fields_set = EXACT, None
            try:
                taken = member.take(value, how)
            except Invalid as error:
                problems += error.within(member.label).problems
                continue
            found = (taken, how.exactness, how.fields_set)
            if self._left_to_right or found[1:] == (EXACT, None):
                best = found
                break
            if best is None or _is_better(found, best):
                best = found
        if best is None:
            how.exactness = LAX
            raise Invalid(problems)
        how.exactness, how.fields_set = min(outer, best[1]), best[2]
        return best[0]

    def give(self, value: Any, how: Giving) -> Any:
        for member in self._members:
            if member.fits(value):
                return member.give(value, how)
        return infer(value, how)

    def fits(self, value: Any) -> bool:
        return any(member.fits(value) for member in self._members)

    def schema(self, defs: Definitions) -> Schema:
        return any_of([member.schema(defs) for member in self._members])


def _is_better(new: tuple[Any, int, int | None], old: tuple[Any, int, int | None]) -> bool:
    """Of two models the one with more fields given, else what had to convert less."""
    if new[2] is not None and old[2] is not None and new[2] != old[2]:
        return new[2] > old[2]
    return new[1] > old[1]


def any_of(schemas: list[Schema]) -> Schema:
    """One of these, each of them once."""
    flat: list[Schema] = []
    for schema in schemas:
        for one in schema["anyOf"] if set(schema) == {"anyOf"} else [schema]:
            if one not in flat:
                flat.append(one)
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


class InstanceOf(Node):
    """Any other class, if the model allows those."""

    def __init__(self, cls: type) -> None:
        self._class, self.label = cls, f"is-instance[{cls.__name__}]"

    def take(self, value: Any, how: Taking) -> Any:
        if not isinstance(value, self._class):
            raise invalid("is_instance_of", value, {"class": self._class.__qualname__})
        return value

    def fits(self, value: Any) -> bool:
        return isinstance(value, self._class)

    def schema(self, defs: Definitions) -> Schema:
        raise UnsupportedError(f"a schema of `{self._class.__name__}`")


class CallableNode(Node):
    """Functions, and whatever else can be called."""

    label = "callable"

    def take(self, value: Any, how: Taking) -> Callable[..., Any]:
        if not callable(value):
            raise invalid("callable_type", value)
        return value  # type: ignore[no-any-return]

    def fits(self, value: Any) -> bool:
        return callable(value)

    def schema(self, defs: Definitions) -> Schema:
        raise UnsupportedError("a schema of a callable")
