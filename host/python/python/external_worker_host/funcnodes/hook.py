"""How FuncNodes comes to know of sandboxed workers.

A plugin of FuncNodes is given no Worker, and what is in a Worker's folder is nothing that a package can list. So the
one place where a Worker makes its external workers, `Worker.load`, first takes in what there is.
"""

from __future__ import annotations

import gc
import weakref
from functools import wraps
from typing import Any

from funcnodes_worker import Worker

from .mount import Mount

_MOUNTS: weakref.WeakKeyDictionary[Worker, Mount] = weakref.WeakKeyDictionary()
_MARK = "_external_worker_host"


def mount_of(worker: Worker) -> Mount:
    """The sandboxed classes of a Worker."""
    mount = _MOUNTS.get(worker)
    if mount is None:
        mount = _MOUNTS[worker] = Mount(worker)
    return mount


def plugin_setup() -> None:
    """What FuncNodes calls when a Worker starts, and again with each further module."""
    own = Worker.load
    if getattr(own, _MARK, False):
        return

    @wraps(own)
    async def load(self: Worker, data: Any = None) -> Any:
        mount = mount_of(self)
        # As long as nothing is loaded a save would be an empty one.
        self._save_disabled = True
        try:
            try:
                await mount.before_load(data)
            except Exception as error:
                self.logger.error("sandboxed workers: %s", error, exc_info=error)
            answer = await own(self, data)
        finally:
            self._save_disabled = self.runstate == "stopped"
        await mount.after_load()
        return answer

    setattr(load, _MARK, True)
    Worker.load = load
    for worker in [found for found in gc.get_objects() if issubclass(type(found), Worker)]:
        # This module was installed while it runs: it has loaded already.
        if worker.is_running():
            worker.loop_manager.async_call(_join(worker))


async def _join(worker: Worker) -> None:
    mount = mount_of(worker)
    await mount.before_load({})
    await mount.after_load()
