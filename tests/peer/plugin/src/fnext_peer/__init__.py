"""The twin of guests/probes/peer: classes that behave alike here and there. Change both or neither."""

from typing import Any, ClassVar, Dict, List, Literal, Optional, Tuple

from funcnodes_core import NodeDecorator, Shelf, instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker
from pydantic import Field


class DemoConfig(ExternalWorkerConfig):
    """One field of each kind that a settings form has."""

    EXPORT_EXCLUDE_FIELDS: ClassVar[set] = {"token"}

    interval_s: float = Field(default=1.0, ge=0.05, description="poll interval")
    token: str = "s3cr3t"
    hidden: str = Field(default="x", json_schema_extra={"export": False})
    mode: Literal["a", "b"] = "a"


@NodeDecorator(node_id="demo_shelf_node", node_name="Shelf Node")
def demo_shelf_node(x: float = 1.0) -> float:
    return x * 2


class DemoWorker(FuncNodesExternalWorker):
    """Counts its turns."""

    NODECLASSID = "demo_worker"
    NAME = "Demo Worker"
    config_cls = DemoConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.turns = 0
        # The Worker holds a shelf weakly, so it is made once.
        self.shelf = Shelf(name="extras", description="dynamic", nodes=[demo_shelf_node])

    async def loop(self) -> None:
        self.turns += 1

    def get_nodeshelf(self) -> Shelf:
        return self.shelf

    @instance_nodefunction()
    def add(self, a: int, b: int = 5) -> int:
        """Adds two numbers."""
        return a + b

    @instance_nodefunction()
    def get_count(self) -> int:
        return self.turns

    @instance_nodefunction(
        description="explicit description",
        outputs=[{"name": "status", "type": "str"}],
        default_io_options={"mode": {"value_options": {"options": ["fast", "safe"]}}},
        default_render_options={"data": {"src": "status", "type": "text"}},
    )
    async def run(
        self,
        mode: str = "safe",
        level: Literal["lo", "hi"] = "lo",
        gain: Optional[float] = None,
    ) -> str:
        return f"{mode}-{level}-{gain}"


class BenchWorker(FuncNodesExternalWorker):
    """Costs as little as a worker can."""

    NODECLASSID = "bench_worker"

    async def loop(self) -> None:
        pass

    @instance_nodefunction()
    def inc(self, a: int) -> int:
        return a + 1

    @instance_nodefunction()
    def noop(self) -> int:
        return 1


class ValueWorker(FuncNodesExternalWorker):
    """Gives and takes what does not fit into an integer, and fails."""

    NODECLASSID = "value_worker"
    NAME = "Value Worker"

    async def loop(self) -> None:
        pass

    @instance_nodefunction()
    def negate(self, flag: bool) -> bool:
        return not flag

    @instance_nodefunction()
    def text(self, count: int) -> str:
        """As many letters."""
        return "x" * count

    @instance_nodefunction()
    def blob(self, count: int) -> bytes:
        """As many zeros."""
        return bytes(count)

    @instance_nodefunction()
    def reverse(self, items: List[int]) -> List[int]:
        return items[::-1]

    @instance_nodefunction()
    def table(self, rows: Dict[str, float]) -> Dict[str, float]:
        return rows

    @instance_nodefunction(outputs=[{"name": "whole"}, {"name": "rest"}])
    def divide(self, a: int, b: int) -> Tuple[int, int]:
        if b == 0:
            raise ValueError("division by zero")
        return divmod(a, b)

    @instance_nodefunction()
    def fail(self, why: str) -> int:
        raise RuntimeError(why)


WORKERS = [DemoWorker, BenchWorker, ValueWorker]
