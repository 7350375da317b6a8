"""The sandbox host for external workers, in this process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from os import PathLike
from typing import Any, Generic, Literal, TypeVar, final

_T = TypeVar("_T")

__version__: str

@final
class Pending(Awaitable[_T], Generic[_T]):
    """Something that has begun: await it under asyncio, or wait for its `result` in a plain thread.

    A task of asyncio that is cancelled while it awaits this cancels it, too. So does forgetting it.
    """

    def __await__(self) -> Iterator[Any]: ...
    def result(self, timeout: float | None = None) -> _T:
        """Waits for at most `timeout` seconds; after a TimeoutError it goes on."""
    def cancel(self) -> None: ...
    def done(self) -> bool: ...

@final
class Engine:
    """What guests run on: their threads, their memory, and the compiler. One for a process will do."""

    def __new__(
        cls,
        *,
        cache: str | PathLike[str] | None = None,
        python: str | PathLike[str] | None = None,
        threads: int | None = None,
        compiler: str | PathLike[str] | None = None,
    ) -> Engine: ...
    @staticmethod
    def default() -> Engine:
        """The one that is used where none is named. It is made at its first use."""

@final
class Policy:
    """What the operator grants, and the budget. `Policy()` grants nothing."""

    def __new__(cls) -> Policy: ...
    @staticmethod
    def parse(text: str, origin: str = "policy") -> Policy: ...
    @staticmethod
    def load(path: str | PathLike[str]) -> Policy: ...
    @staticmethod
    def beside(component: str | PathLike[str]) -> Policy:
        """`NAME.policy.toml` beside `NAME.wasm` or `NAME.py`; without one, nothing is granted."""

@final
class Port:
    name: str
    type: Any  # JSON: "int", or {"type": "array", ...}
    description: str | None
    default: Any
    has_default: bool
    required: bool
    does_trigger: bool
    hidden: bool
    value_options: dict[str, Any] | None
    render_options: dict[str, Any] | None

@final
class NodeClass:
    name: str
    title: str | None
    description: str | None
    inputs: list[Port]
    outputs: list[Port]
    render_options: dict[str, Any] | None
    trigger_on_call: bool | None
    timeout: float | None  # seconds

@final
class Shelf:
    name: str
    description: str | None
    path: str  # "outer/inner": the path of its node N is PATH/N
    nodes: list[NodeClass]
    subshelves: list[Shelf]

@final
class WorkerClass:
    id: str
    title: str
    description: str | None
    config_schema: dict[str, Any]
    ui_schema: dict[str, Any] | None
    export_exclude: list[str]
    loop_delay: float  # seconds
    is_library: bool
    methods: list[NodeClass]

@final
class Component:
    """A component, or a script in Python, held against a policy."""

    @staticmethod
    def load(
        path: str | PathLike[str], *, policy: Policy | None = None, engine: Engine | None = None
    ) -> Pending[Component]:
        """`policy`: by default the file beside it (`Policy.beside`)."""
    name: str
    hash: str
    is_script: bool
    classes: list[WorkerClass]
    requests: dict[str, str]  # the capabilities, each with its reason
    keeps_state: bool
    def start(
        self,
        class_id: str | None = None,
        *,
        config: dict[str, Any] | None = None,
        uuid: str | None = None,
        name: str | None = None,
        state: bytes | None = None,
        folder: str | PathLike[str] | None = None,
    ) -> Pending[Instance]:
        """Starts an instance. `class_id`: by default the first. `folder`: of its own files, if it may have any."""
    def begin(self, class_id: str | None = None, **same: Any) -> Instance:
        """The same without waiting for its `start`: calls wait for it, and `Instance.started` tells."""

@final
class Media:
    """Bytes with a media type: a picture, a sound, a document."""

    def __new__(cls, media_type: str, data: bytes) -> Media: ...
    media_type: str
    data: bytes

class Event:
    """What an instance tells. Each kind is a class of its own: `match event: case Event.Log(level, message)`."""

    @final
    class Log(Event):
        level: Literal["trace", "debug", "info", "warn", "error"]
        message: str
    @final
    class Emitted(Event):
        event: str
        data: Any
    @final
    class TriggerRequested(Event):
        method: str
    @final
    class InputChanged(Event):
        node: str | None  # None: the class, for nodes yet to be made
        method: str
        input: str
        change: InputChange
    @final
    class ConfigSaid(Event):
        config: dict[str, Any]
    @final
    class Progress(Event):
        node: str | None
        fraction: float
        message: str
        elapsed: float
    @final
    class Denied(Event):
        message: str
    @final
    class LoopFailed(Event):
        message: str
    @final
    class State(Event):
        state: Literal["starting", "running", "restarting", "stopping", "ended"]
        reason: str | None  # why it starts again, or how it ended
    @final
    class Missed(Event):
        """Here so many events are missing, because the listener was slow."""
        count: int

@final
class InputChange:
    kind: Literal["value", "shown", "default", "no_default", "value_options", "render_options"]
    value: Any  # "shown": a value that does not trigger the node

@final
class Events(AsyncIterator[Event], Iterator[Event]):
    """The events of an instance from now on: for `async for`, or `for` in a plain thread. It ends with the instance."""

    def __aiter__(self) -> Events: ...
    def __anext__(self) -> Awaitable[Event]: ...
    def __iter__(self) -> Events: ...
    def __next__(self) -> Event: ...

@final
class Status:
    state: Literal["starting", "running", "restarting", "stopping", "ended"]
    reason: str | None
    paused: bool
    turns: int
    loop_delay: float  # seconds
    loop_errors: int
    last_error: str | None
    open_calls: int
    restarts: int
    cpu: float  # seconds
    memory: int
    memory_peak: int

@final
class Instance:
    uuid: str
    name: str  # may be set: it hears of it
    class_: WorkerClass
    component: Component
    config: dict[str, Any]
    public_config: dict[str, Any]  # without what exports leave out
    status: Status
    def started(self) -> Pending[None]: ...
    def call(self, method: str, inputs: dict[str, Any] | None = None, /, **named: Any) -> Pending[Any]:
        """A method, or a shelf's node by its path. One output is that value, none is None, more are a dict by name."""
    def call_as(self, node: str, method: str, inputs: dict[str, Any], /) -> Pending[dict[str, Any]]:
        """The same as a node of a graph: it waits for its turn, is told of progress, and has all outputs by name."""
    def update_config(self, patch: dict[str, Any]) -> Pending[None]: ...
    def shelves(self) -> Pending[list[Shelf] | None]: ...
    def save(self) -> Pending[bytes | None]: ...
    def pause(self, seconds: float | None = None) -> None: ...
    def resume(self) -> None: ...
    def turn(self, count: int = 1) -> Pending[None]: ...
    def restart(self) -> None: ...
    def stop(self) -> Pending[str]: ...
    def kill(self, reason: str) -> Pending[str]: ...
    def events(self) -> Events: ...
    # A graph's nodes, which the guest may look at and change:
    def attach(self, method: str, node: str, read: Callable[[str], Any]) -> list[tuple[str, InputChange]]:
        """A node of the graph was made from `method`; `read` gives the value in force at an input.

        What the guest set at the class is what it begins with.
        """
    def detach(self, node: str) -> None: ...
    def arrived(self, method: str, node: str, input: str) -> None:
        """The graph has taken, or refused, the value of an `InputChanged`."""
