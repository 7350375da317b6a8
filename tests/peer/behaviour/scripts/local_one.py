"""A script in the folder of scripts, which is edited."""

from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


class OneConfig(ExternalWorkerConfig):
    count: int = 1


class LocalOne(FuncNodesExternalWorker):
    NODECLASSID = "local_one"
    config_cls = OneConfig

    async def loop(self):
        pass

    @instance_nodefunction()
    def version(self) -> str:
        return "first"

    @instance_nodefunction()
    def configured(self) -> int:
        return self.config.count
