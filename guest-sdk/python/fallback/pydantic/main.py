"""`BaseModel`."""

from __future__ import annotations

import abc
import copy
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any, ClassVar

from . import _collect, _json, _model_node
from ._errors import Invalid, PydanticUndefined, PydanticUserError, UnsupportedError, ValidationError, invalid
from ._giving import Giving
from ._model_node import ModelNode
from ._nodes import Node, Taking
from .config import merged
from .fields import ComputedFieldInfo, FieldInfo, ModelPrivateAttr
from .functional_validators import Mark

_UNSUPPORTED = ("__get_pydantic_core_schema__", "__get_pydantic_json_schema__", "__get_validators__")


class ModelMetaclass(abc.ABCMeta):
    """Makes a model of a class body."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **words: Any) -> Any:
        cls: Any = super().__new__(mcs, name, bases, namespace)
        if not any(isinstance(base, ModelMetaclass) for base in bases):
            return cls
        frame = sys._getframe(1)
        _start_class(cls, bases, {**namespace.get("model_config", {}), **words})
        local = _names_of(frame, cls.__module__)
        try:
            _complete(cls, local)
        except NameError:
            cls.__pydantic_locals__ = local  # it refers to what comes later
        return cls

    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(cls, instance)


def _names_of(frame: types.FrameType, module: str) -> dict[str, Any]:
    """What is known where a class is made, beside what its module knows."""
    if module in sys.modules and frame.f_locals is vars(sys.modules[module]):
        return {}
    return {**frame.f_globals, **frame.f_locals}


def _start_class(cls: Any, bases: tuple[type, ...], config: dict[str, Any]) -> None:
    if typing.Generic in bases or any(getattr(base, "__parameters__", ()) for base in bases):
        raise UnsupportedError("a generic model")
    for name in _UNSUPPORTED:
        if name in vars(cls):
            raise UnsupportedError(f"`{name}`")
    inherited = [vars(base).get("model_config", {}) for base in reversed(cls.__mro__[1:])]
    cls.model_config = merged([one for one in inherited if isinstance(one, dict)], config)
    cls.__pydantic_complete__ = False
    cls.__pydantic_locals__ = {}
    found = _collect.marks(cls).values()
    kinds = ("before", "after", "serializer")
    cls.__pydantic_marks__ = {kind: [mark for mark in found if mark.kind == kind] for kind in kinds}
    cls.model_computed_fields = _collect.computed_fields(cls)
    cls.model_fields = {}
    if cls.model_config.get("frozen") and "__hash__" not in vars(cls):
        cls.__hash__ = lambda self: hash((type(self), *self.__dict__.values()))
    elif "__eq__" not in vars(cls) and "__hash__" not in vars(cls) and not cls.model_config.get("frozen"):
        cls.__hash__ = None


def _complete(cls: Any, local: dict[str, Any]) -> None:
    annotations = _collect.own_annotations(cls)
    private = dict(_collect.private_attributes(cls, annotations))
    for base in reversed(cls.__mro__[1:]):
        private = {**getattr(base, "__private_attributes__", {}), **private}
    cls.__private_attributes__ = private
    defaults = vars(cls).get("__pydantic_body__", (None, {}))[1]
    for name, annotation in annotations.items():
        if name in vars(cls) and not name.startswith("_") and not _collect.is_class_variable(annotation):
            defaults[name] = vars(cls)[name]
            type.__delattr__(cls, name)
    cls.__pydantic_body__ = (annotations, defaults)
    _collect.check_body(cls, set(annotations))
    module = sys.modules.get(cls.__module__)
    scope = {**(vars(module) if module else {}), **local, cls.__name__: cls}
    fields = _collect.Fields(cls, cls.model_config, scope, defaults)
    cls.model_fields, cls.__pydantic_nodes__ = fields.infos, fields.nodes
    cls.__pydantic_complete__ = True
    cls.__pydantic_locals__ = {}


class BaseModel(metaclass=ModelMetaclass):
    """Values that are valid, by the annotations of the class."""

    model_config: ClassVar[dict[str, Any]] = {}
    model_fields: ClassVar[dict[str, FieldInfo]] = {}
    model_computed_fields: ClassVar[dict[str, ComputedFieldInfo]] = {}
    __pydantic_complete__: ClassVar[bool] = False
    __pydantic_locals__: ClassVar[dict[str, Any]] = {}
    __pydantic_nodes__: ClassVar[dict[str, Node]] = {}
    __pydantic_marks__: ClassVar[dict[str, list[Mark]]] = {}
    __private_attributes__: ClassVar[dict[str, ModelPrivateAttr]] = {}
    __pydantic_dump__: ClassVar[Any] = staticmethod(_model_node.dump)

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")

    def __init__(self, /, **data: Any) -> None:
        cls = type(self)
        if cls is BaseModel:
            raise PydanticUserError(
                "Pydantic models should inherit from BaseModel, BaseModel cannot be instantiated directly",
                code="base-model-instantiated",
            )
        cls.__pydantic_ensure__()
        with _problems(cls):
            _model_node.start(self, data, Taking())

    def model_post_init(self, context: Any, /) -> None:
        """For models that want to do something with an instance that is filled."""

    @classmethod
    def __pydantic_node__(cls) -> Node:
        return ModelNode(cls)

    @classmethod
    def __pydantic_ensure__(cls) -> None:
        if cls.__pydantic_complete__:
            return
        try:
            _complete(cls, cls.__pydantic_locals__)
        except NameError as error:
            missing = getattr(error, "name", None) or str(error)
            raise PydanticUserError(
                f"`{cls.__name__}` is not fully defined; you should define `{missing}`,"
                f" then call `{cls.__name__}.model_rebuild()`.",
                code="class-not-fully-defined",
            ) from None

    @classmethod
    def model_rebuild(cls, *, force: bool = False, **_: Any) -> bool | None:
        """Tries again to understand annotations that referred to what came later."""
        if cls.__pydantic_complete__ and not force:
            return None
        cls.__pydantic_locals__ = {**cls.__pydantic_locals__, **_names_of(sys._getframe(1), cls.__module__)}
        cls.__pydantic_complete__ = False
        cls.__pydantic_ensure__()
        return True

    @classmethod
    def model_validate(cls, obj: Any, *, strict: bool | None = None, context: Any = None) -> Any:
        """The instance that a dictionary, or an instance, stands for."""
        with _problems(cls):
            return ModelNode(cls).take(obj, Taking(strict=bool(strict), context=context))

    @classmethod
    def model_validate_json(
        cls, json_data: str | bytes | bytearray, *, strict: bool | None = None, context: Any = None
    ) -> Any:
        """The instance that a JSON document stands for."""
        how = Taking(strict=bool(strict), context=context)
        with _problems(cls):
            return ModelNode(cls).take(_json.parsed(json_data, how), how)

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Any:
        """An instance of values that are known to be valid."""
        cls.__pydantic_ensure__()
        new, filled, fields_set = cls.__new__(cls), {}, set()
        for name, info in cls.model_fields.items():
            key = info.validation_alias if info.validation_alias in values else name
            if key in values:
                filled[name] = values.pop(key)
                fields_set.add(name)
            elif not info.is_required():
                filled[name] = info.get_default(call_default_factory=True, validated_data=filled)
        object.__setattr__(new, "__dict__", filled)
        object.__setattr__(new, "__pydantic_fields_set__", fields_set if _fields_set is None else _fields_set)
        extra = values if cls.model_config.get("extra") == "allow" else None
        object.__setattr__(new, "__pydantic_extra__", extra)
        _model_node.start_private(new)
        new.model_post_init(None)
        return new

    @classmethod
    def model_json_schema(
        cls, by_alias: bool = True, ref_template: str = "#/$defs/{model}", mode: str = "validation"
    ) -> dict[str, Any]:
        """The JSON Schema of what `model_validate` takes."""
        if (by_alias, ref_template, mode) != (True, "#/$defs/{model}", "validation"):
            raise UnsupportedError("an option of model_json_schema()")
        return _json.document(ModelNode(cls))

    def model_dump(self, *, mode: str = "python", **options: Any) -> dict[str, Any]:
        """The values as a dictionary; with the mode `json`, of what JSON knows."""
        return _model_node.dump(type(self), self, _giving(mode, False, options))

    def model_dump_json(self, *, indent: int | None = None, ensure_ascii: bool = False, **options: Any) -> str:
        """The values as a JSON document."""
        value = _model_node.dump(type(self), self, _giving("json", True, options))
        return _json.written(value, indent, ensure_ascii)

    def model_copy(self, *, update: dict[str, Any] | None = None, deep: bool = False) -> Any:
        """Another instance, with some values that are not validated."""
        new = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            known = name in type(self).model_fields or new.__pydantic_extra__ is None
            (new.__dict__ if known else new.__pydantic_extra__)[name] = value
            new.__pydantic_fields_set__.add(name)
        return new

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that were given."""
        return self.__pydantic_fields_set__  # type: ignore[no-any-return]

    @property
    def model_extra(self) -> dict[str, Any] | None:
        """What was given beside the fields."""
        return self.__pydantic_extra__  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        if name in cls.__private_attributes__:
            self.__pydantic_private__[name] = value
        elif isinstance(getattr(cls, name, None), property) or name.startswith("__pydantic_"):
            object.__setattr__(self, name, value)
        elif name in cls.model_fields:
            self._set_field(name, value)
        elif cls.model_config.get("extra") == "allow":
            _refuse_frozen(cls, name, value, None)
            self.__pydantic_extra__[name] = value
        else:
            raise ValueError(f'"{cls.__name__}" object has no field "{name}"')

    def _set_field(self, name: str, value: Any) -> None:
        cls = type(self)
        _refuse_frozen(cls, name, value, cls.model_fields[name])
        if cls.model_config.get("validate_assignment"):
            how = Taking()
            how.data = {key: item for key, item in self.__dict__.items() if key != name}
            how.field_name, how.config = name, cls.model_config
            with _problems(cls):
                taken = _within(name, cls.__pydantic_nodes__[name], value, how)
                self.__dict__[name] = taken
                _model_node.after(self, value, how)
        else:
            self.__dict__[name] = value
        self.__pydantic_fields_set__.add(name)

    def __getattr__(self, name: str) -> Any:
        for slot in ("__pydantic_private__", "__pydantic_extra__"):
            try:
                found = object.__getattribute__(self, slot)
            except AttributeError:
                continue
            if found and name in found:
                return found[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        cls = type(self)
        _refuse_frozen(cls, name, None, cls.model_fields.get(name))
        for place in (self.__dict__, self.__pydantic_extra__, self.__pydantic_private__):
            if place and name in place:
                del place[name]
                return
        raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in BaseModel.__slots__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __copy__(self) -> Any:
        new = type(self).__new__(type(self))
        new.__setstate__({name: copy.copy(value) for name, value in self.__getstate__().items()})
        return new

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        new = type(self).__new__(type(self))
        new.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return new

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._compared() == other._compared()

    def _compared(self) -> tuple[Any, ...]:
        return (self.__dict__, self.__pydantic_extra__ or {}, self.__pydantic_private__ or {})

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from self.__dict__.items()
        yield from (self.__pydantic_extra__ or {}).items()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._shown())})"

    def __str__(self) -> str:
        return " ".join(self._shown())

    def _shown(self) -> Iterator[str]:
        cls = type(self)
        for name, value in self.__dict__.items():
            if name in cls.model_fields and cls.model_fields[name].repr:
                yield f"{name}={value!r}"
        for name, value in (self.__pydantic_extra__ or {}).items():
            yield f"{name}={value!r}"
        for name, computed in cls.model_computed_fields.items():
            if computed.repr:
                yield f"{name}={getattr(self, name)!r}"


class _problems:
    """What is wrong with a value becomes a `ValidationError` of the model."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: types.TracebackType | None) -> None:
        if isinstance(error, Invalid):
            config = self._cls.model_config
            title = config.get("title") or self._cls.__name__
            raise ValidationError(title, error.problems, bool(config.get("hide_input_in_errors"))) from None


def _within(name: str, node: Node, value: Any, how: Taking) -> Any:
    try:
        return node.take(value, how)
    except Invalid as error:
        raise error.within(name) from None


def _refuse_frozen(cls: Any, name: str, value: Any, info: FieldInfo | None) -> None:
    kind = "frozen_instance" if cls.model_config.get("frozen") else "frozen_field" if info and info.frozen else None
    if kind:
        raise ValidationError(cls.__name__, invalid(kind, value).within(name).problems)


def _giving(mode: str, text: bool, options: dict[str, Any]) -> Giving:
    ignored = ("warnings", "context", "fallback", "serialize_as_any")
    for name in ignored:
        if options.pop(name, None) not in (None, True, False, "none", "warn"):
            raise UnsupportedError(f"`{name}` of model_dump()")
    return Giving(mode=mode, text=text, **options)


def create_model(model_name: str, /, *, __base__: Any = None, __module__: str | None = None, **fields: Any) -> Any:
    """A model made at run time; each field is a type and a default, or a type."""
    annotations, namespace = {}, {}
    config = fields.pop("__config__", None)
    validators = fields.pop("__validators__", None) or {}
    doc = fields.pop("__doc__", None)
    for name, given in fields.items():
        annotation, default = given if isinstance(given, tuple) else (given, PydanticUndefined)
        annotations[name] = annotation
        if default is not PydanticUndefined and default is not ...:
            namespace[name] = default
    module = __module__ or sys._getframe(1).f_globals.get("__name__", "__main__")
    body = {"__annotations__": annotations, "__module__": module, "__doc__": doc, **namespace, **validators}
    if config:
        body["model_config"] = config
    bases = __base__ if isinstance(__base__, tuple) else (__base__ or BaseModel,)
    return types.new_class(model_name, bases, {}, lambda space: space.update(body))


__all__ = ["BaseModel", "create_model"]
