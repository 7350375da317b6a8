"""What of pydantic is in the memory of the runtime before the first instance: `warm()` uses what workers use.

The real pydantic imports much of itself when it is used first, and builds tables then. Done while the component is
made, that costs no instance anything. It is the same for the small one, which has less to do.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import uuid
from typing import Annotated, Any, Literal, Optional, Union

import pydantic
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
from pydantic import field_validator, model_validator

# Where what was not used can be embedded from, to be imported later.
FOLDER = str(pathlib.Path(pydantic.__file__).parent.parent)


class _Color(str, enum.Enum):
    RED = "red"


class _Part(BaseModel):
    x: int = 1


class _Config(BaseModel):
    model_config = ConfigDict(validate_assignment=True)

    number: float = Field(default=1.0, ge=0.05, description="a number", json_schema_extra={"export": False})
    text: Annotated[str, Field(min_length=1, pattern="^[a-z]+$")] = "a"
    kind: Literal["fast", "safe"] = "fast"
    color: _Color = _Color.RED
    parts: list[_Part] = [_Part()]
    by_name: dict[str, Union[int, str]] = {}
    maybe: Optional[_Part] = None
    secret: SecretStr = SecretStr("")
    since: datetime.datetime = datetime.datetime(2020, 1, 1)
    wait: datetime.timedelta = datetime.timedelta(seconds=1)
    amount: decimal.Decimal = decimal.Decimal(1)
    path: pathlib.Path = pathlib.Path("/")
    ident: uuid.UUID = uuid.UUID(int=0)
    pair: tuple[int, str] = (1, "a")
    some: set[int] = {1}

    @field_validator("text")
    @classmethod
    def _keep(cls, value: Any) -> Any:
        return value

    @model_validator(mode="after")
    def _same(self) -> Any:
        return self


def warm() -> None:
    """Validates, gives out, describes, and fails, once."""
    config = _Config.model_validate({"number": "2", "parts": [{"x": "3"}], "by_name": {"a": 1}})
    config.number = 3
    config.model_dump()
    _Config.model_validate_json(config.model_dump_json())
    _Config.model_json_schema()
    TypeAdapter(list[int]).validate_python(["1"])
    try:
        _Config(number="x", parts=[{"x": "y"}])  # type: ignore[arg-type, list-item]
    except ValidationError as error:
        str(error)
        error.errors()
