"""Inheritance: mixins, overrides, super, and configurations that inherit."""

from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


class ParentConfig(ExternalWorkerConfig):
    a: int = 1


class ChildConfig(ParentConfig):
    a: int = 2
    b: int = 3


class Mixin:
    @instance_nodefunction()
    def mixed(self) -> str:
        return f"mixed {type(self).__name__}"


class Parent(FuncNodesExternalWorker):
    NODECLASSID = "parent"
    config_cls = ParentConfig

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = ["parent"]

    async def loop(self):
        self.seen.append("parent's loop")

    @instance_nodefunction()
    def inherited(self) -> str:
        return f"inherited {self.helper()}"

    @instance_nodefunction()
    def overridden(self) -> str:
        return "parent"

    @instance_nodefunction()
    def extended(self) -> str:
        return "parent"

    @instance_nodefunction()
    def log(self) -> list:
        return self.seen[:3]

    def helper(self) -> str:
        return "parent"


class Kid(Mixin, Parent):
    NODECLASSID = "kid"
    config_cls = ChildConfig

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen.append("kid")

    async def loop(self):
        self.seen.append("kid's loop")
        await super().loop()

    @instance_nodefunction(name="Overridden by Kid")
    def overridden(self) -> str:
        return "kid"

    @instance_nodefunction()
    def own(self) -> str:
        return "own"

    def helper(self) -> str:
        return "kid"


class Counting(FuncNodesExternalWorker):
    """Has state of its class and of its instance."""

    NODECLASSID = "counting"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.count = 0

    async def loop(self):
        pass

    @instance_nodefunction()
    def up(self, by: int) -> int:
        self.count += by
        return self.count

    @instance_nodefunction()
    def named(self) -> str:
        return self.name
