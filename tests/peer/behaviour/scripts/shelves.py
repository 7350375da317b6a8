"""Shelves: none, one, nested ones, changed ones; and events."""

from funcnodes_core import NodeDecorator, Shelf, instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


@NodeDecorator(node_id="shelf_double", node_name="Double", description="Twice as much.")
def double(x: int = 2) -> int:
    return x * 2


@NodeDecorator(node_id="shelf_half", node_name="Half", outputs=[{"name": "half"}, {"name": "rest"}])
def half(x: int) -> tuple[int, int]:
    """Half as much."""
    return x // 2, x % 2


@NodeDecorator(node_id="shelf_wait", node_name="Later")
async def later(x: int) -> int:
    return x + 1


@NodeDecorator(node_id="shelf_untitled")
def without_title(x: int) -> int:
    return x


class Counted(ExternalWorkerConfig):
    shelves: int = 0


class Shelves(FuncNodesExternalWorker):
    NODECLASSID = "shelves"
    config_cls = Counted

    def __init__(self, *args, **kwargs):
        self.held = None
        self.heard = []
        super().__init__(*args, **kwargs)
        self.ticks = []
        self.on("tick", self.hear)
        self.once("tick", self.hear_once)

    def hear(self, src, number=0):
        self.ticks.append(["each", number, src is self])

    def hear_once(self, src, number=0):
        self.ticks.append(["once", number, src is self])

    async def loop(self):
        pass

    def get_nodeshelf(self):
        return self.held

    def post_config_update(self):
        if not self.config.shelves:
            return
        inner = [
            Shelf(name=f"inner {i}", description=f"number {i}", nodes=[half])
            for i in range(self.config.shelves)
        ]
        self.held = Shelf(name="outer", description="the outer one", nodes=[double], subshelves=inner)
        self.emit("nodes_update")

    @instance_nodefunction()
    def fill(self, which: str) -> str:
        self.held = {
            "flat": lambda: Shelf(name="flat", description="", nodes=[double, half, later]),
            "deep": lambda: Shelf("deep", nodes=[], subshelves=[Shelf("deeper", nodes=[double])]),
            "untitled": lambda: Shelf("untitled", nodes=[without_title]),
            "none": lambda: None,
        }[which]()
        self.emit("nodes_update")
        return which

    @instance_nodefunction()
    def fill_silently(self, which: str) -> str:
        self.held = Shelf(name=which, description="", nodes=[double])
        return which

    @instance_nodefunction()
    def tick(self, number: int) -> bool:
        return self.emit("tick", {"number": number})

    @instance_nodefunction()
    def ticked(self) -> list:
        return self.ticks

    @instance_nodefunction()
    def deaf(self) -> bool:
        self.off("tick", self.hear)
        return self.emit("tick", {"number": 9})

    @instance_nodefunction()
    def nobody(self) -> bool:
        return self.emit("no_such_event", {"a": 1})


class Setting(FuncNodesExternalWorker):
    """Uses `set_nodeshelf`, with the shelf that the base class keeps."""

    NODECLASSID = "setting"

    async def loop(self):
        pass

    @instance_nodefunction()
    def put(self, name: str) -> bool:
        # The Worker holds it weakly.
        self.mine = Shelf(name=name, description="put", nodes=[double])
        self.set_nodeshelf(self.mine)
        return self.nodeshelf is not None and self.nodeshelf() is self.mine
