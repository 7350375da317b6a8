"""What is particular to the sandbox: calls that tell how far they are, media, arrays, values set without a trigger.

A worker that uses only `funcnodes_worker` and `funcnodes_core` runs in FuncNodes as well; one that imports this runs
here.
"""

from ._arrays import NdArray
from ._calls import Call, progress
from ._errors import Busy, Denied, InvalidConfig, InvalidInput, Unavailable, WorkerError
from ._media import Media
from ._nodes import Trigger

__all__ = [
    "Busy",
    "Call",
    "Denied",
    "InvalidConfig",
    "InvalidInput",
    "Media",
    "NdArray",
    "Trigger",
    "Unavailable",
    "WorkerError",
    "progress",
]
