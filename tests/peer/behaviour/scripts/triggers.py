"""Nodes that run because their worker says so, and the nodes of a method seen by the worker."""

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Triggers(FuncNodesExternalWorker):
    NODECLASSID = "triggers"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.number = 0
        self.wanted = 0
        self.pushed = 0

    async def loop(self):
        if self.wanted > self.pushed:
            self.pushed = self.wanted
            self.push()

    @instance_nodefunction()
    def unsaid(self) -> int:
        return self.number

    @instance_nodefunction()
    def unsaid_with_input(self, a: int = 0) -> int:
        return self.number + a

    @instance_nodefunction(trigger_on_call=True)
    def always(self, a: int = 0) -> int:
        return self.number + a

    @instance_nodefunction(trigger_on_call=False)
    def never(self) -> int:
        return self.number

    @instance_nodefunction(trigger_on_call=False)
    def pushes(self) -> int:
        return self.number

    @pushes.triggers
    def push(self, by: int = 1):
        """Changes the number, and lets the nodes of `pushes` run."""
        self.number += by
        return self.number

    @instance_nodefunction(trigger_on_call=False)
    def call(self, what: str, number: int) -> int:
        self.number = number
        return getattr(self, what)()

    @instance_nodefunction(trigger_on_call=False)
    def do_push(self, by: int) -> int:
        return self.push(by)

    @instance_nodefunction(trigger_on_call=False)
    def push_in_loop(self, turn: int) -> int:
        self.wanted = turn
        return turn

    @instance_nodefunction(
        trigger_on_call=False,
        default_io_options={"item": {"value_options": {"options": ["none", "apple", "pear"]}}},
    )
    def pick(self, item: str = "none", other: int = 1) -> str:
        return f"{item} {other}"

    @instance_nodefunction(trigger_on_call=False)
    def picks(self, old: bool = False) -> int:
        return len(self.pick.nodes(self)) if old else len(self.pick.nodes())

    @instance_nodefunction(trigger_on_call=False)
    def values(self, io: str) -> list:
        return [node.inputs[io].value for node in self.pick.nodes()]

    @instance_nodefunction(trigger_on_call=False)
    def offer(self, items: list) -> int:
        for node in self.pick.nodes():
            node.inputs["item"].update_value_options(options=items)
        self.pick.nodeclass().input_item.update_value_options(options=items)
        self.plain.nodeclass().input_item.update_value_options(options=items)
        return len(items)

    @instance_nodefunction(trigger_on_call=False)
    def plain(self, item: str = "none") -> str:
        return item

    @instance_nodefunction(trigger_on_call=False)
    def fill(self, item: str) -> int:
        for node in self.pick.nodes():
            node.inputs["item"].value = item
        return 1

    @instance_nodefunction(trigger_on_call=False)
    def all_nodes(self) -> list:
        return [len(self.get_nodes("pick")), len(self.get_all_nodes())]

    @instance_nodefunction(trigger_on_call=False)
    def no_class(self) -> str:
        try:
            self.get_nodeclass("nothing_like_it")
        except KeyError:
            return "KeyError"
        return "?"
