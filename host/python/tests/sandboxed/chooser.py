"""A worker that looks at the nodes of its graph, changes them, offers a shelf that changes, and logs."""

from typing import Optional

from funcnodes_core import NodeDecorator, Shelf, instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker
from pydantic import Field


class Inner(ExternalWorkerConfig):
    password: str = Field(default="inner-secret", json_schema_extra={"export": False})
    host: str = "example.org"


class ChooserConfig(ExternalWorkerConfig):
    items: list[str] = ["one", "two"]
    limit: int = Field(default=3, ge=1, le=9)
    inner: Inner = Inner()
    key: str = Field(default="outer-secret", json_schema_extra={"export": False})


def shelf_of(items: list[str]) -> Shelf:
    def node(item: str):
        @NodeDecorator(node_id=f"say_{item}", node_name=f"Say {item}")
        def say(times: int = 1) -> str:
            return item * times

        return say

    return Shelf(name="sayings", description="one for each item", nodes=[node(item) for item in items])


class Chooser(FuncNodesExternalWorker):
    NODECLASSID = "chooser"
    NAME = "Chooser"
    config_cls = ChooserConfig

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._nodeshelf = shelf_of(self.config.items)

    async def loop(self):
        pass

    def get_nodeshelf(self) -> Optional[Shelf]:
        return self._nodeshelf

    def post_config_update(self):
        items = self.config.items
        for node in self.pick.nodes():
            node.inputs["item"].update_value_options(options=items)
        self.pick.nodeclass().input_item.update_value_options(options=items)
        self._nodeshelf = shelf_of(items)
        self.emit("nodes_update")

    @instance_nodefunction(default_io_options={"item": {"value_options": {"options": ["one", "two"]}}})
    def pick(self, item: str) -> str:
        return item

    @instance_nodefunction()
    def choose(self, item: str) -> int:
        """Sets what the nodes of `pick` have."""
        self._logger.info("chose %s", item)
        for node in self.pick.nodes():
            node.inputs["item"].value = item
        return len(self.pick.nodes())

    @instance_nodefunction()
    def seen(self) -> list:
        return [node.inputs["item"].value for node in self.pick.nodes()]

    @pick.triggers
    def again(self):
        pass

    @instance_nodefunction()
    def trigger(self) -> int:
        self.again()
        return 1

    @instance_nodefunction()
    def rest(self) -> int:
        self.pause()
        return 1
