"""Types with a constraint of their own, and secrets."""

from __future__ import annotations

from typing import Annotated, Any

from ._errors import UnsupportedError
from .fields import FieldInfo


class StringConstraints:
    """Constraints of text, for `Annotated`."""

    def __init__(self, **words: Any) -> None:
        known = ("strip_whitespace", "to_upper", "to_lower", "strict", "min_length", "max_length", "pattern")
        for name in words:
            if name not in known:
                raise UnsupportedError(f"`{name}` of StringConstraints()")
        self.words = {name: value for name, value in words.items() if value is not None}


class Strict:
    """No conversions, for `Annotated`."""

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict


class AllowInfNan:
    """Whether numbers may be infinite, for `Annotated`."""

    def __init__(self, allow_inf_nan: bool = True) -> None:
        self.allow_inf_nan = allow_inf_nan


class _Secret:
    """What secrets have in common."""

    _shown: Any = ""

    def __init__(self, secret_value: Any) -> None:
        self._secret_value = secret_value

    def get_secret_value(self) -> Any:
        """The secret itself."""
        return self._secret_value

    def __len__(self) -> int:
        return len(self._secret_value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.__class__) and self._secret_value == other._secret_value

    def __hash__(self) -> int:
        return hash(self._secret_value)

    def __str__(self) -> str:
        return "**********" if self._secret_value else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._hidden()!r})"

    def _hidden(self) -> Any:
        return str(self)


class SecretStr(_Secret):
    """Text that is not shown."""


class SecretBytes(_Secret):
    """Bytes that are not shown."""

    def _hidden(self) -> Any:
        return str(self).encode()


def conint(**words: Any) -> Any:
    """A whole number with constraints."""
    return Annotated[int, FieldInfo(**words)]


def confloat(**words: Any) -> Any:
    """A number with constraints."""
    return Annotated[float, FieldInfo(**words)]


def condecimal(**words: Any) -> Any:
    """A decimal number with constraints."""
    from decimal import Decimal

    return Annotated[Decimal, FieldInfo(**words)]


def constr(**words: Any) -> Any:
    """Text with constraints."""
    return Annotated[str, StringConstraints(**words)]


def conbytes(**words: Any) -> Any:
    """Bytes with constraints."""
    return Annotated[bytes, FieldInfo(**words)]


def conlist(item_type: Any, **words: Any) -> Any:
    """A list with constraints."""
    return Annotated[list[item_type], FieldInfo(**words)]


def conset(item_type: Any, **words: Any) -> Any:
    """A set with constraints."""
    return Annotated[set[item_type], FieldInfo(**words)]


def confrozenset(item_type: Any, **words: Any) -> Any:
    """A frozen set with constraints."""
    return Annotated[frozenset[item_type], FieldInfo(**words)]


PositiveInt = Annotated[int, FieldInfo(gt=0)]
NegativeInt = Annotated[int, FieldInfo(lt=0)]
NonNegativeInt = Annotated[int, FieldInfo(ge=0)]
NonPositiveInt = Annotated[int, FieldInfo(le=0)]
PositiveFloat = Annotated[float, FieldInfo(gt=0)]
NegativeFloat = Annotated[float, FieldInfo(lt=0)]
NonNegativeFloat = Annotated[float, FieldInfo(ge=0)]
NonPositiveFloat = Annotated[float, FieldInfo(le=0)]
FiniteFloat = Annotated[float, AllowInfNan(False)]
StrictInt = Annotated[int, Strict()]
StrictFloat = Annotated[float, Strict()]
StrictStr = Annotated[str, Strict()]
StrictBool = Annotated[bool, Strict()]
StrictBytes = Annotated[bytes, Strict()]

__all__ = [
    "AllowInfNan",
    "FiniteFloat",
    "NegativeFloat",
    "NegativeInt",
    "NonNegativeFloat",
    "NonNegativeInt",
    "NonPositiveFloat",
    "NonPositiveInt",
    "PositiveFloat",
    "PositiveInt",
    "SecretBytes",
    "SecretStr",
    "Strict",
    "StrictBool",
    "StrictBytes",
    "StrictFloat",
    "StrictInt",
    "StrictStr",
    "StringConstraints",
    "conbytes",
    "condecimal",
    "confloat",
    "confrozenset",
    "conint",
    "conlist",
    "conset",
    "constr",
]
