"""The sandbox host for FuncNodes external workers, in a Python process.

A component (``.wasm``) or a script (``.py``) is read, held against a policy, and started as an instance of its own,
which reaches nothing that the policy does not grant, and takes no more than its budget::

    import asyncio
    from external_worker_host import Component

    async def main():
        component = await Component.load("counter.wasm")
        instance = await component.start(config={"step": 2})
        print(await instance.call("get_count"))
        await instance.stop()

    asyncio.run(main())

In a plain thread the same reads ``Component.load("counter.wasm").result()``.
"""

from ._errors import Busy, Deadline, Ended, GuestError, MissingGrants, SandboxError
from ._native import (
    Component,
    Engine,
    Event,
    Events,
    InputChange,
    Instance,
    Media,
    NodeClass,
    Pending,
    Policy,
    Port,
    Shelf,
    Status,
    WorkerClass,
    __version__,
)

__all__ = [
    "Busy",
    "Component",
    "Deadline",
    "Ended",
    "Engine",
    "Event",
    "Events",
    "GuestError",
    "InputChange",
    "Instance",
    "Media",
    "MissingGrants",
    "NodeClass",
    "Pending",
    "Policy",
    "Port",
    "SandboxError",
    "Shelf",
    "Status",
    "WorkerClass",
    "__version__",
]
