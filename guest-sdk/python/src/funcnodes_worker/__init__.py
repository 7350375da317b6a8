"""External workers: stateful, long-lived objects with a loop, a configuration and methods that are nodes."""

from ._config import ExternalWorkerConfig
from ._worker import FuncNodesExternalWorker

__all__ = ["ExternalWorkerConfig", "FuncNodesExternalWorker"]
