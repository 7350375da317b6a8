"""The name under which many workers import all that FuncNodes has for them. It is in the runtime only: outside of the
sandbox it is FuncNodes' own."""

from funcnodes_core import *  # noqa: F403
from funcnodes_core import __all__ as _nodes
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker

__all__ = [*_nodes, "ExternalWorkerConfig", "FuncNodesExternalWorker"]
