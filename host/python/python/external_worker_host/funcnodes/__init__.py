"""Sandboxed external workers in the FuncNodes Worker that people have.

FuncNodes finds this package by the entry point ``plugin_setup`` of the group ``funcnodes.module``, and calls it when a
Worker starts. From then on the components (``.wasm``) and scripts (``.py``) in ``<data of the Worker>/local_workers``,
and those that Python packages advertise by an entry point of the group ``external_worker_host.workers``, are external
worker classes of that Worker. Where a file lies decides how it runs: FuncNodes imports what is in ``local_scripts``
into its own process, and nothing that is in ``local_workers`` is ever imported.
"""

from .hook import plugin_setup
from .worker import SandboxedWorker

__all__ = ["SandboxedWorker", "plugin_setup"]
