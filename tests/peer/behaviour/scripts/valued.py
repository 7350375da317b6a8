"""Values of all types that go in and out."""

from enum import Enum
from typing import Any, Dict, List, Literal, Optional, Set, Tuple, Union

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Mode(Enum):
    LOW = "low"
    HIGH = "high"


class Valued(FuncNodesExternalWorker):
    NODECLASSID = "valued"

    async def loop(self):
        pass

    @instance_nodefunction()
    def echo(self, x: Any) -> Any:
        return x

    @instance_nodefunction()
    def type_of(self, x: Any) -> str:
        return type(x).__name__

    @instance_nodefunction()
    def make(self, what: str) -> Any:
        return {
            "none": None,
            "true": True,
            "zero": 0,
            "big": 2**62,
            "negative": -(2**62),
            "float": 0.1,
            "text": "é\u2603\U0001f600",
            "empty text": "",
            "bytes": b"\x00\xffab",
            "list": [1, 2.5, "x", None, True, [2]],
            "tuple": (1, 2),
            "dict": {"a": 1, "b": {"c": [None]}},
            "empty list": [],
            "empty dict": {},
            "numbers as keys": {1: "a"},
        }[what]

    @instance_nodefunction()
    def integer(self, x: int) -> int:
        return x + 1

    @instance_nodefunction()
    def number(self, x: float) -> float:
        return x / 2

    @instance_nodefunction()
    def truth(self, x: bool) -> bool:
        return not x

    @instance_nodefunction()
    def text(self, x: str) -> str:
        return x.upper()

    @instance_nodefunction()
    def data(self, x: int) -> bytes:
        return bytes(range(x))

    @instance_nodefunction()
    def measure(self, x: bytes) -> int:
        return len(x)

    @instance_nodefunction()
    def reverse(self, x: List[int]) -> List[int]:
        return x[::-1]

    @instance_nodefunction()
    def keys(self, x: Dict[str, int]) -> List[str]:
        return sorted(x)

    @instance_nodefunction()
    def plain(self, x: list, y: dict) -> dict:
        return {**y, "x": x}

    @instance_nodefunction()
    def optional(self, x: Optional[int] = None) -> str:
        return repr(x)

    @instance_nodefunction()
    def union(self, x: Union[int, str]) -> str:
        return repr(x)

    @instance_nodefunction()
    def modern(self, x: int | None = None, y: list[str] = ["a"], z: dict[str, float] = {}) -> str:
        return repr([x, y, z])

    @instance_nodefunction()
    def literal(self, x: Literal[1, 2] = 1) -> int:
        return x

    @instance_nodefunction()
    def unsaid(self, x, y=3):
        return x

    @instance_nodefunction()
    def pair(self, x: int) -> Tuple[int, str]:
        return x, "y"

    @instance_nodefunction()
    def unique(self, x: Set[int]) -> int:
        return len(x)
