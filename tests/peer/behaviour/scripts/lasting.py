"""What a Worker finds again after it was ended and started."""

from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


class LastingConfig(ExternalWorkerConfig):
    EXPORT_EXCLUDE_FIELDS = {"token"}

    count: int = 1
    token: str = "default"


class Lasting(FuncNodesExternalWorker):
    NODECLASSID = "lasting"
    config_cls = LastingConfig

    async def loop(self):
        pass

    @instance_nodefunction()
    def add(self, a: int, b: int = 1) -> int:
        return a + b + self.config.count

    @instance_nodefunction()
    def token(self) -> str:
        return self.config.token


class Other(FuncNodesExternalWorker):
    NODECLASSID = "lasting_other"

    async def loop(self):
        pass

    @instance_nodefunction()
    def noop(self) -> int:
        return 7
