"""Writes the schemas that pydantic makes of the common forms of a model, with a valid value of each.

    python3 generate.py        # needs pydantic from PyPI; the tests need only what it wrote

In every value each text that has `s3cr3t` in it is at a place that the model marks or says nothing of, and
no other is: the tests want those to stay and all others to leave.
"""

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import typing
import uuid
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union

import pydantic
import typing_extensions
from pydantic.alias_generators import to_camel
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr

HIDDEN = {"json_schema_extra": {"export": False}}
S = "s3cr3t"
cases = []


def case(model, value, name=None):
    """`value` is checked by pydantic first."""
    adapter = pydantic.TypeAdapter(model)
    adapter.validate_python(value)
    schema = adapter.json_schema()
    cases.append(
        {
            "name": name or model.__name__,
            "schema": schema,
            "value": value,
        }
    )


class Login(BaseModel):
    user: str = "nobody"
    password: str = Field("", **HIDDEN)


LOGIN = {"user": "ann", "password": S}


class Plain(BaseModel):
    host: str = "localhost"
    token: str = Field("", **HIDDEN)


case(Plain, {"host": "a", "token": S})


class OptionalScalar(BaseModel):
    host: Optional[str] = None
    token: Optional[str] = Field(None, **HIDDEN)


case(OptionalScalar, {"host": "a", "token": S})


class MarkInTheBranch(BaseModel):
    token: Optional[Annotated[str, Field(**HIDDEN)]] = None
    host: Optional[Annotated[str, Field(min_length=1)]] = None


case(MarkInTheBranch, {"token": S, "host": "a"})


class Nested(BaseModel):
    login: Login = Login()


case(Nested, {"login": LOGIN})


class OptionalNested(BaseModel):
    login: Optional[Login] = None


case(OptionalNested, {"login": LOGIN})


class HiddenNested(BaseModel):
    login: Login = Field(Login(), **HIDDEN)
    host: str = "a"


case(HiddenNested, {"login": {"user": S, "password": S}, "host": "a"})


class HiddenOptionalNested(BaseModel):
    login: Optional[Login] = Field(None, **HIDDEN)


case(HiddenOptionalNested, {"login": {"user": S, "password": S}})


class DictOfModels(BaseModel):
    logins: dict[str, Login] = {}


case(DictOfModels, {"logins": {"a": LOGIN, "b": LOGIN}})


class DictOfHidden(BaseModel):
    headers: dict[str, Annotated[str, Field(**HIDDEN)]] = {}
    ports: dict[str, int] = {}


case(DictOfHidden, {"headers": {"Authorization": S}, "ports": {"a": 1}})


class PatternDict(BaseModel):
    headers: dict[Annotated[str, Field(pattern="^X-")], Annotated[str, Field(**HIDDEN)]] = {}
    names: dict[Annotated[str, Field(pattern="^N-")], str] = {}


case(PatternDict, {"headers": {"X-Token": S}, "names": {"N-a": "a"}})


class PatternDictOfModels(BaseModel):
    logins: dict[Annotated[str, Field(pattern=r"^\w+$")], Login] = {}


case(PatternDictOfModels, {"logins": {"a": LOGIN}})


class HiddenKeys(BaseModel):
    sessions: dict[Annotated[str, Field(min_length=3, **HIDDEN)], int] = {}


case(HiddenKeys, {"sessions": {S: 1}})


class EnumKeys(BaseModel):
    class Side(enum.StrEnum):
        LEFT = "left"
        RIGHT = "right"

    logins: dict[Side, Login] = {}


case(EnumKeys, {"logins": {"left": LOGIN}})


class ListOfModels(BaseModel):
    logins: list[Login] = []


case(ListOfModels, {"logins": [LOGIN, LOGIN]})


class ListOfHidden(BaseModel):
    tokens: list[Annotated[str, Field(**HIDDEN)]] = []
    hosts: list[str] = []


case(ListOfHidden, {"tokens": [S, S], "hosts": ["a"]})


class Tuples(BaseModel):
    pair: tuple[str, Annotated[str, Field(**HIDDEN)]] = ("", "")
    login: tuple[int, Login] = (0, Login())
    many: tuple[Login, ...] = ()


case(Tuples, {"pair": ["a", S], "login": [1, LOGIN], "many": [LOGIN]})


class Sets(BaseModel):
    tokens: set[Annotated[str, Field(**HIDDEN)]] = set()
    hosts: set[str] = set()
    frozen: frozenset[int] = frozenset()


case(Sets, {"tokens": [S], "hosts": ["a"], "frozen": [1]})


class Key(BaseModel):
    key: str = Field("", **HIDDEN)
    algorithm: str = "rsa"


class Unions(BaseModel):
    auth: Union[Login, Key, None] = None
    port: Union[int, str] = 0


case(Unions, {"auth": {"key": S, "algorithm": "ed"}, "port": "COM1"})


class UnionOfHidden(BaseModel):
    token: Union[int, Annotated[str, Field(**HIDDEN)]] = 0


case(UnionOfHidden, {"token": S})


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    chip: str = Field("", **HIDDEN)


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str = ""


class Discriminated(BaseModel):
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")] = Dog()


case(Discriminated, {"pet": {"kind": "cat", "chip": S}})
case(Discriminated, {"pet": {"kind": "dog", "name": "rex"}}, name="DiscriminatedOther")


class ListOfDiscriminated(BaseModel):
    pets: list[Annotated[Union[Cat, Dog], Field(discriminator="kind")]] = []


case(ListOfDiscriminated, {"pets": [{"kind": "cat", "chip": S}, {"kind": "dog", "name": "rex"}]})


def tag_of(value):
    return "cat" if "chip" in value else "dog"


class CallableDiscriminator(BaseModel):
    pet: Annotated[
        Union[Annotated[Cat, pydantic.Tag("cat")], Annotated[Dog, pydantic.Tag("dog")]],
        pydantic.Discriminator(tag_of),
    ]


case(CallableDiscriminator, {"pet": {"kind": "cat", "chip": S}})


class Literals(BaseModel):
    mode: Literal["fast", "slow"] = "fast"
    level: Literal[1, 2, 3] = 1
    only: Literal["this"] = "this"


case(Literals, {"mode": "slow", "level": 2, "only": "this"})


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Enums(BaseModel):
    colour: Colour = Colour.RED
    size: Size = Size.SMALL
    hidden: Colour = Field(Colour.RED, **HIDDEN)
    optional: Optional[Colour] = None


case(Enums, {"colour": "green", "size": 2, "optional": "red"})


class Tree(BaseModel):
    name: str = ""
    secret: str = Field("", **HIDDEN)
    children: list["Tree"] = []
    parent: Optional["Tree"] = None


case(
    Tree,
    {
        "name": "a",
        "secret": S,
        "children": [{"name": "b", "secret": S, "children": [{"name": "c", "secret": S}]}],
        "parent": {"name": "d", "secret": S},
    },
)


class Even(BaseModel):
    odd: Optional["Odd"] = None
    token: str = Field("", **HIDDEN)


class Odd(BaseModel):
    even: dict[str, Even] = {}


Even.model_rebuild()
case(Even, {"odd": {"even": {"a": {"token": S}}}, "token": S})


class Decimals(BaseModel):
    price: decimal.Decimal = decimal.Decimal("1.5")
    pin: decimal.Decimal = Field(decimal.Decimal("0"), **HIDDEN)
    optional: Optional[decimal.Decimal] = None


case(Decimals, {"price": "2.5", "optional": 3})


class Times(BaseModel):
    at: datetime.datetime = datetime.datetime(2026, 1, 1)
    day: datetime.date = datetime.date(2026, 1, 1)
    time: datetime.time = datetime.time(12)
    delta: datetime.timedelta = datetime.timedelta(seconds=1)
    id: uuid.UUID = uuid.UUID(int=0)


case(
    Times,
    {
        "at": "2026-01-02T00:00:00",
        "day": "2026-01-02",
        "time": "12:00:00",
        "delta": "PT5S",
        "id": "00000000-0000-0000-0000-000000000001",
    },
)


class Constrained(BaseModel):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}\d+$", min_length=3, max_length=8)] = "AB1"
    pin: Annotated[str, Field(pattern=r"^s3cr3t$", **HIDDEN)] = S
    number: Annotated[int, Field(ge=0, lt=10, multiple_of=2)] = 2
    items: Annotated[list[int], Field(min_length=1, max_length=3)] = [1]


case(Constrained, {"code": "XY12", "pin": S, "number": 4, "items": [1, 2]})


class Secrets(BaseModel):
    password: SecretStr = SecretStr("")
    optional: Optional[SecretStr] = None
    many: list[SecretStr] = []
    raw: pydantic.SecretBytes = pydantic.SecretBytes(b"")


case(Secrets, {"password": S, "optional": S, "many": [S], "raw": S})


class MarkedSecret(BaseModel):
    password: SecretStr = Field(SecretStr(""), **HIDDEN)


case(MarkedSecret, {"password": S})


class Root(RootModel[dict[str, Login]]):
    pass


case(Root, {"a": LOGIN})


class Roots(RootModel[list[Login]]):
    pass


class WithRoots(BaseModel):
    logins: Roots = Roots([])
    root: Root = Root({})


case(WithRoots, {"logins": [LOGIN], "root": {"a": LOGIN}})

T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    content: Optional[T] = None
    label: str = ""


class Generics(BaseModel):
    login: Box[Login] = Box[Login]()
    number: Box[int] = Box[int]()


case(Generics, {"login": {"content": LOGIN, "label": "a"}, "number": {"content": 1}})


@dataclasses.dataclass
class Data:
    user: str = ""
    login: Login = dataclasses.field(default_factory=Login)


case(Data, {"user": "ann", "login": LOGIN})


@pydantic.dataclasses.dataclass
class PydanticData:
    host: str = ""
    token: str = Field("", **HIDDEN)


case(PydanticData, {"host": "a", "token": S})


class Typed(typing_extensions.TypedDict, total=False):
    host: str
    token: Annotated[str, Field(**HIDDEN)]


class TypedDicts(BaseModel):
    typed: Typed = {}


case(TypedDicts, {"typed": {"host": "a", "token": S}})


class Named(typing.NamedTuple):
    host: str
    login: Login


class NamedTuples(BaseModel):
    named: Optional[Named] = None


case(NamedTuples, {"named": ["a", LOGIN]})


class Aliases(BaseModel):
    api_token: str = Field("", alias="apiToken", **HIDDEN)
    host_name: str = Field("", alias="hostName")


case(Aliases, {"apiToken": S, "hostName": "a"})


class AliasGenerator(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    api_token: str = Field("", **HIDDEN)
    host_name: str = ""


case(AliasGenerator, {"apiToken": S, "hostName": "a"})


class Computed(BaseModel):
    width: int = 1
    token: str = Field("", **HIDDEN)

    @pydantic.computed_field
    @property
    def area(self) -> int:
        return self.width * self.width


case(Computed, {"width": 2, "token": S})


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    host: str = ""
    token: str = Field("", frozen=True, **HIDDEN)


case(Frozen, {"host": "a", "token": S})


class Forbidding(BaseModel):
    model_config = ConfigDict(extra="forbid")
    login: Login = Login()
    host: str = ""


case(Forbidding, {"login": LOGIN, "host": "a"})


class Allowing(BaseModel):
    model_config = ConfigDict(extra="allow")
    host: str = ""


case(Allowing, {"host": "a", "unknown": S})


class TypedExtra(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]
    host: str = ""


case(TypedExtra, {"host": "a", "more": 3})


class HiddenExtra(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[str, Field(**HIDDEN)]]
    host: str = ""


case(HiddenExtra, {"host": "a", "more": S})


class AnyFields(BaseModel):
    any: Any = None
    plain: dict = {}
    items: list = []


case(AnyFields, {"any": 3, "plain": {"a": S}, "items": [S]})


class Base(BaseModel):
    token: str = Field("", **HIDDEN)


class Inherited(Base):
    host: str = ""


case(Inherited, {"token": S, "host": "a"})


class NestedDefaults(BaseModel):
    login: Login = Login(user="ann", password="")
    logins: list[Login] = [Login(user="bob")]


case(NestedDefaults, {"login": LOGIN, "logins": [LOGIN]})


class ReferenceWithNotes(BaseModel):
    login: Login = Field(Login(), description="who", title="Login", examples=[{"user": "x"}])


case(ReferenceWithNotes, {"login": LOGIN})


class Deep(BaseModel):
    a: dict[str, list[Optional[tuple[int, Union[Login, Key, str]]]]] = {}


case(Deep, {"a": {"x": [[1, LOGIN], None, [2, {"key": S, "algorithm": "b"}], [3, "c"]]}})


class Json(BaseModel):
    text: pydantic.Json[Login] = '{"user": "a"}'
    numbers: pydantic.Json[list[int]] = "[1]"


case(Json, {"text": json.dumps({"user": S}), "numbers": "[2]"})


class Bytes(BaseModel):
    data: bytes = b""
    hidden: Optional[bytes] = Field(None, **HIDDEN)


case(Bytes, {"data": "abc", "hidden": S})


class Urls(BaseModel):
    url: pydantic.AnyUrl = pydantic.AnyUrl("http://a/")
    dsn: Optional[pydantic.PostgresDsn] = Field(None, **HIDDEN)
    path: pathlib.Path = pathlib.Path("/")


case(Urls, {"url": "http://b/", "dsn": f"postgres://u:{S}@h/db", "path": "/tmp"})


class WithSchemaExtra(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"host": "x"}], "x-form": {"a": 1}})
    host: str = Field("", json_schema_extra={"unit": "V", "x-widget": {"kind": "slider"}})
    token: str = Field("", json_schema_extra=lambda schema: schema.update({"export": False}))


case(WithSchemaExtra, {"host": "a", "token": S})


class HiddenModel(BaseModel):
    model_config = ConfigDict(json_schema_extra={"export": False})
    user: str = ""


class HoldsHiddenModel(BaseModel):
    login: HiddenModel = HiddenModel()
    logins: dict[str, HiddenModel] = {}
    host: str = ""


case(HoldsHiddenModel, {"login": {"user": S}, "logins": {"a": {"user": S}}, "host": "a"})


class Required(BaseModel):
    host: str
    token: str = Field(**HIDDEN)
    login: Optional[Login]


case(Required, {"host": "a", "token": S, "login": LOGIN})


class Validated(BaseModel):
    count: Annotated[int, pydantic.BeforeValidator(int)] = 1
    token: Annotated[str, pydantic.AfterValidator(str.strip), Field(**HIDDEN)] = ""


case(Validated, {"count": 2, "token": S})


class Numbers(BaseModel):
    ratio: float = 0.5
    strict: pydantic.StrictInt = 1
    optional: Optional[pydantic.PositiveFloat] = None
    finite: pydantic.FiniteFloat = 1.0
    on: bool = True


case(Numbers, {"ratio": 0.25, "strict": 2, "optional": 1.5, "finite": 2.0, "on": False})

if __name__ == "__main__":
    target = pathlib.Path(__file__).with_name("pydantic.json")
    lines = [json.dumps(case, sort_keys=True) for case in cases]
    document = '{"pydantic": "%s", "cases": [\n%s\n]}\n'
    target.write_text(document % (pydantic.VERSION, ",\n".join(lines)))
    print(f"{len(cases)} cases of pydantic {pydantic.VERSION}")
