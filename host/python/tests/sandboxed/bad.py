"""Workers that misbehave, one way each, and one that has a secret: a Worker that runs them itself hangs or ends."""

import os
import sys

from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


class VictimConfig(ExternalWorkerConfig):
    EXPORT_EXCLUDE_FIELDS = {"token"}
    token: str = "victim-secret-token"


class Victim(FuncNodesExternalWorker):
    NODECLASSID = "victim"
    config_cls = VictimConfig

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turns = 0

    async def loop(self):
        self.turns += 1

    @instance_nodefunction()
    def echo(self, a: int) -> int:
        return a

    @instance_nodefunction()
    def count(self) -> int:
        return self.turns


def eaten():
    """2 GiB, of which every page was written."""
    kept = []
    for _ in range(128):
        kept.append(bytearray(b"x" * (16 << 20)))
    return kept


class BadConfig(ExternalWorkerConfig):
    mode: str = "none"


class Bad(FuncNodesExternalWorker):
    NODECLASSID = "bad"
    config_cls = BadConfig

    async def loop(self):
        mode = self.config.mode
        if mode == "spin":
            while True:
                pass
        if mode == "sysexit":
            sys.exit(3)
        if mode == "alloc2g":
            self.kept = eaten()
        if mode == "raise":
            raise RuntimeError("boom")
        if mode == "flood":
            for turn in range(100_000):
                self._logger.info("flood %s", turn)
                self.emit("nodes_update")
                self.emit("anything", {"turn": turn})
                for node in self.take.nodes():
                    node.inputs["a"].value = turn
        if mode == "stop":
            await self.stop()

    @instance_nodefunction()
    def spin(self) -> int:
        while True:
            pass

    @instance_nodefunction()
    def exit(self) -> int:
        sys.exit(4)

    @instance_nodefunction()
    def eat(self) -> int:
        return len(eaten())

    @instance_nodefunction()
    def take(self, a: int) -> int:
        return a

    @instance_nodefunction()
    def huge(self) -> dict:
        return {str(index): [index] for index in range(100_000)}

    @instance_nodefunction()
    def err(self) -> int:
        raise ValueError("node boom")

    @instance_nodefunction()
    def steal(self) -> dict:
        import gc

        out = {}
        for class_id, known in FuncNodesExternalWorker.RUNNING_WORKERS.items():
            for uuid, instance in known.items():
                out[f"config:{class_id}"] = str(instance.config.model_dump())
        out["env"] = os.environ.get("MY_ENV_SECRET")
        for path in ("/etc/hostname", "/proc/self/environ", "/etc/passwd"):
            try:
                with open(path) as file:
                    out[path] = file.read()
            except OSError as error:
                out[path] = type(error).__name__
        out["workers"] = [type(it).__name__ for it in gc.get_objects() if type(it).__name__ == "WSWorker"]
        return out
