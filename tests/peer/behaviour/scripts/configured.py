"""Configurations: fields of every kind, secrets, and the hook that hears of changes."""

from enum import Enum
from typing import ClassVar, Literal, Optional

from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker
from pydantic import BaseModel, Field, ValidationError, field_validator


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Limits(BaseModel):
    low: int = 0
    high: int = 10


class Settings(ExternalWorkerConfig):
    interval_s: float = Field(default=1.0, ge=0.05, le=60, description="seconds between polls")
    count: int = Field(default=3, title="How many")
    label: str = "x"
    flag: bool = False
    mode: Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    tags: list[str] = ["t"]
    limits: Limits = Limits()
    note: Optional[str] = None

    @field_validator("label")
    @classmethod
    def no_spaces(cls, value: str) -> str:
        if " " in value:
            raise ValueError("no spaces in a label")
        return value.lower()


class Configured(FuncNodesExternalWorker):
    NODECLASSID = "configured"
    config_cls = Settings

    def __init__(self, *args, **kwargs):
        self.heard = []
        super().__init__(*args, **kwargs)

    async def loop(self):
        pass

    def post_config_update(self):
        self.heard.append([self.config.count, self.config.label])
        if self.config.count == 13:
            raise RuntimeError("not thirteen")

    @instance_nodefunction()
    def changes(self) -> list:
        return self.heard

    @instance_nodefunction()
    def kinds(self) -> dict:
        return {name: type(value).__name__ for name, value in dict(self.config).items()}

    @instance_nodefunction()
    def alter(self, fields: dict) -> str:
        try:
            self.update_config(fields)
        except ValidationError as problem:
            return f"{type(problem).__name__} with {problem.error_count()}"
        return f"{self.config.count} {self.config.label}"

    @instance_nodefunction()
    def alter_with_model(self, count: int) -> str:
        self.update_config(Settings(count=count))
        return f"{self.config.count} {self.config.label}"

    @instance_nodefunction()
    def alter_with_nothing(self) -> str:
        before = self.config.model_dump()
        self.update_config(None)
        return str(before == self.config.model_dump())


class Made(ExternalWorkerConfig):
    names: list[str] = Field(default_factory=lambda: ["made"])
    other: int = 1


class Factory(FuncNodesExternalWorker):
    NODECLASSID = "factory"
    config_cls = Made

    async def loop(self):
        pass

    @instance_nodefunction()
    def names(self) -> list:
        return self.config.names


class Base(ExternalWorkerConfig):
    EXPORT_EXCLUDE_FIELDS: ClassVar[set[str]] = {"token"}
    token: str = "t0ken-default"
    shown: int = 1


class Secrets(Base):
    password: str = Field(default="passw0rd-default", json_schema_extra={"export": False})
    public: str = "everybody"


class Secretive(FuncNodesExternalWorker):
    NODECLASSID = "secretive"
    config_cls = Secrets

    async def loop(self):
        pass

    @instance_nodefunction()
    def excluded(self) -> list:
        return sorted(Secrets.export_exclude_fields())

    @instance_nodefunction()
    def exportable(self) -> dict:
        return self.config.exportable_dict()

    @instance_nodefunction()
    def serialized(self, export: bool) -> dict:
        return self.serialize(export=export)

    @instance_nodefunction()
    def secret(self) -> str:
        return self.config.token
