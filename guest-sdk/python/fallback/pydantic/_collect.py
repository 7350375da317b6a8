"""Finds out what a class of a model says: its fields, validators and private attributes."""

from __future__ import annotations

import functools
import sys
import types
import typing
from typing import Any

from ._build import Builder, constrained
from ._errors import PydanticUndefined, PydanticUserError, UnsupportedError
from ._nodes import Node, Strictly
from .fields import ComputedFieldInfo, FieldInfo, ModelPrivateAttr
from .functional_validators import Mark, wrapped

_NO_FIELDS: tuple[type, ...] = (types.FunctionType, property, classmethod, staticmethod, Mark, ComputedFieldInfo, type)
_NO_FIELDS += (functools.cached_property, functools.partialmethod)

_OF_MODELS = ("model_config", "model_fields", "model_computed_fields")


def own_annotations(cls: type) -> dict[str, Any]:
    """What the body of the class annotates; a `NameError` says that it is too early."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(cls)
    return dict(vars(cls).get("__annotations__", {}))


def _is(annotation: Any, what: Any, *names: str) -> bool:
    if isinstance(annotation, str):
        return annotation.split("[")[0].split(".")[-1].strip() in names
    return annotation is what or typing.get_origin(annotation) is what


def is_class_variable(annotation: Any) -> bool:
    """Whether it is of the class, and no field."""
    return _is(annotation, typing.ClassVar, "ClassVar")


def is_private(name: str) -> bool:
    """Whether an attribute of this name is no field."""
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_attributes(cls: Any, annotations: dict[str, Any]) -> dict[str, ModelPrivateAttr]:
    """The private attributes of the class body, which are taken out of the class."""
    found = {}
    for name, value in list(vars(cls).items()):
        if not is_private(name) or is_class_variable(annotations.get(name)) or isinstance(value, _NO_FIELDS):
            continue
        if name == "_abc_impl":
            continue  # of the metaclass
        found[name] = value if isinstance(value, ModelPrivateAttr) else ModelPrivateAttr(value)
        type.__delattr__(cls, name)
    for name, annotation in annotations.items():
        is_new = name not in found and name not in vars(cls)
        if is_private(name) and is_new and not is_class_variable(annotation):
            found[name] = ModelPrivateAttr()
    return found


def check_body(cls: type, names: set[str]) -> None:
    """Refuses values in the class body that look like fields, but are none."""
    for name, value in vars(cls).items():
        if name.startswith("__") or name in _OF_MODELS or name in names or isinstance(value, _NO_FIELDS):
            continue
        if is_private(name) or hasattr(type(value), "__get__") or _is_class_variable_of_base(cls, name):
            continue
        raise PydanticUserError(
            f"A non-annotated attribute was detected: `{name} = {value!r}`. All model fields require a type annotation;"
            f" if `{name}` is not meant to be a field, annotate it as a `ClassVar`.",
            code="model-field-missing-annotation",
        )


def _is_class_variable_of_base(cls: type, name: str) -> bool:
    return any(is_class_variable(own_annotations(base).get(name)) for base in cls.__mro__[1:])


def marks(cls: type) -> dict[str, Mark]:
    """The validators and serializers of a class and its bases."""
    found: dict[str, Mark] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Mark):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def computed_fields(cls: type) -> dict[str, ComputedFieldInfo]:
    """The computed fields of a class and its bases."""
    found = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, ComputedFieldInfo):
                found[name] = value
    return found


class Fields:
    """The fields of one class and their types."""

    def __init__(self, cls: Any, config: dict[str, Any], scope: dict[str, Any], defaults: dict[str, Any]) -> None:
        self.infos: dict[str, FieldInfo] = {}
        self.nodes: dict[str, Node] = {}
        self._builder, self._config, self._cls = Builder(config, scope), config, cls
        self._marks = list(marks(cls).values())
        self._collect(defaults)
        self._check_marks()

    def _collect(self, defaults: dict[str, Any]) -> None:
        annotations: dict[str, tuple[Any, Any]] = {}
        for base in reversed(self._cls.__mro__):
            if base is self._cls:
                found, given = own_annotations(base), defaults
            elif hasattr(base, "__pydantic_body__"):
                found, given = base.__pydantic_body__
            elif base.__module__ in ("typing", "abc", "builtins"):
                continue
            else:
                found, given = own_annotations(base), dict(vars(base))
            for name, annotation in found.items():
                if not (name.startswith("_") or is_class_variable(annotation)):
                    annotations[name] = (annotation, given.get(name, PydanticUndefined))
        for name, (annotation, default) in annotations.items():
            self._add(name, annotation, default)

    def _add(self, name: str, annotation: Any, default: Any) -> None:
        annotation = self._builder.evaluated(annotation)
        if _is(annotation, typing.Final, "Final"):
            raise UnsupportedError(f"the final field `{name}`")
        metadata: tuple[Any, ...] = ()
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *rest = typing.get_args(annotation)
            metadata = tuple(rest)
        node, info = self._builder.node(annotation), FieldInfo()
        for item in metadata:
            if isinstance(item, FieldInfo):
                node, info = constrained(node, item), info.merged(item)
            else:
                node = self._builder.with_metadata(node, item)
        if isinstance(default, FieldInfo):
            node, info = constrained(node, default), info.merged(default)
        elif default is not PydanticUndefined:
            info = info.merged(FieldInfo(default))
        generator = self._config.get("alias_generator")
        info = info.with_alias(generator(name)) if generator else info.merged(FieldInfo())
        info.annotation = annotation
        self.infos[name], self.nodes[name] = info, self._validated(name, node)

    def _validated(self, name: str, node: Node) -> Node:
        for mark in self._marks:
            if mark.kind == "field" and mark.covers(name):
                node = wrapped(node, mark.mode, mark.__get__(None, self._cls))
        return Strictly(node, True) if self._config.get("strict") else node

    def _check_marks(self) -> None:
        for mark in self._marks:
            if mark.kind not in ("field", "serializer") or not mark.check:
                continue
            for name in mark.names:
                if name != "*" and name not in self.infos:
                    raise PydanticUserError(
                        f"Decorators defined with incorrect fields: {self._cls.__module__}.{self._cls.__qualname__}."
                        f"{mark.attribute} (use check_fields=False if you're inheriting from the model and intended"
                        " this)",
                        code="decorator-missing-field",
                    )
