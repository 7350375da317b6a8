"""Two commands of a Worker that have to know of sandboxes: those of the settings form.

FuncNodes gives no form hints (`uiSchema`) to clients, and changes a configuration without waiting, so that a refusal
would be lost. For every other external worker both do what they did.
"""

from __future__ import annotations

import inspect
from typing import Any

from funcnodes_worker import FuncNodesExternalWorker, Worker

from .worker import SandboxedWorker

_WRAPPED = "_external_worker_host_commands"


def wrap_commands(worker: Worker) -> None:
    """Puts both in the place of the Worker's own, once."""
    if getattr(worker, _WRAPPED, False):
        return
    setattr(worker, _WRAPPED, True)
    commands = worker._exposed_methods
    for name, make in (("get_external_worker_config", _get_config), ("update_external_worker", _update)):
        if name in commands:
            own, *rest = commands[name]
            commands[name] = (make(worker, own), *rest)


def _find(class_id: str, worker_id: str) -> SandboxedWorker | None:
    found = FuncNodesExternalWorker.RUNNING_WORKERS.get(class_id, {}).get(worker_id)
    return found if isinstance(found, SandboxedWorker) else None


async def _own(own: Any, **arguments: Any) -> Any:
    answer = own(**arguments)
    return await answer if inspect.isawaitable(answer) else answer


def _get_config(worker: Worker, own: Any) -> Any:
    async def get_external_worker_config(worker_id: str, class_id: str) -> Any:
        answer = await _own(own, worker_id=worker_id, class_id=class_id)
        found = _find(class_id, worker_id)
        if found is not None:
            answer["uiSchema"] = found.sandbox.definition.ui_schema
        return answer

    return get_external_worker_config


def _update(worker: Worker, own: Any) -> Any:
    async def update_external_worker(
        worker_id: str, class_id: str, name: str | None = None, config: dict[str, Any] | None = None
    ) -> None:
        found = _find(class_id, worker_id)
        if found is None:
            await _own(own, worker_id=worker_id, class_id=class_id, name=name, config=config)
            return
        if name is not None:
            found.name = name
        if config is not None:
            await found.change_config(config)
        else:
            await found.source.changed()

    return update_external_worker
