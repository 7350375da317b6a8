"""Failures in nodes."""

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class OwnError(Exception):
    pass


class Failing(FuncNodesExternalWorker):
    NODECLASSID = "failing"

    async def loop(self):
        pass

    @instance_nodefunction()
    def fail(self, kind: str) -> str:
        errors = {
            "value": lambda: int("not a number"),
            "own": lambda: self.throw(OwnError("my own sentence: ü")),
            "key": lambda: {}["missing"],
            "zero": lambda: 1 // 0,
            "attribute": lambda: self.nothing_of_this_name,
            "assert": lambda: self.throw(AssertionError("asserted")),
            "chain": self.chain,
        }
        if kind in errors:
            return str(errors[kind]())
        return f"fine: {kind}"

    def throw(self, problem: Exception) -> None:
        raise problem

    def chain(self):
        try:
            raise ValueError("the cause")
        except ValueError as problem:
            raise RuntimeError("the effect") from problem

    @instance_nodefunction()
    async def fail_later(self, why: str) -> str:
        raise OSError(why)

    @instance_nodefunction()
    def recursion(self, depth: int) -> int:
        return self.recursion_of(depth)

    def recursion_of(self, depth: int) -> int:
        return self.recursion_of(depth + 1)

    @instance_nodefunction()
    def keeps(self, x: int) -> int:
        if x < 0:
            raise ValueError("below zero")
        return x


class Unstartable(FuncNodesExternalWorker):
    NODECLASSID = "unstartable"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        raise RuntimeError("there is no device")

    async def loop(self):
        pass
