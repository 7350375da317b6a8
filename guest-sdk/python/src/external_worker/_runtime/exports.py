"""What the component exports, for whatever the author's program defines."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from pydantic import ValidationError
from wit_world import exports
from wit_world.imports import host, preopens, program, types

from funcnodes_core import Shelf
from funcnodes_core.node import ClassNode
from funcnodes_core.nodemaker import NodeFunction
from funcnodes_worker import FuncNodesExternalWorker

from .._calls import CURRENT, Call
from .._describe import NodeClass
from .._host import set_host
from . import authored, describe, log, loop, values
from .bridge import Bridge

_DATA = "/data"


class _Instance:
    """What this component instance has become: the bindings make a new `Worker` for each call."""

    def __init__(self) -> None:
        self.worker: FuncNodesExternalWorker | None = None
        self.library: Shelf | None = None
        self.methods: dict[str, tuple[Callable[..., Any], NodeClass]] = {}
        self.paths: dict[str, NodeFunction | ClassNode] | None = None
        self.turn: asyncio.Task[Any] | None = None
        self.calls: dict[int, asyncio.Task[Any]] = {}

    def become(self, worker: FuncNodesExternalWorker) -> None:
        """An instance of an author's class."""
        self.worker = worker
        for name, method in type(worker).node_methods().items():
            self.methods[name] = (method.function.__get__(worker), method.node_class())

    def shelves(self) -> list[Any] | None:
        """Reads the shelf."""
        shelf = self.library if self.worker is None else self.worker.get_nodeshelf()
        if shelf is None:
            self.paths = {}
            return None
        flat, self.paths = describe.shelves([shelf])
        return flat

    def find(self, node: str) -> tuple[Callable[..., Any], NodeClass]:
        """A method by its name, or a node of the shelf by its path."""
        if node in self.methods:
            return self.methods[node]
        if self.paths is None:
            self.shelves()
        function = (self.paths or {}).get(node)
        if function is None:
            raise error(types.ErrorCode.UNAVAILABLE, f"there is no node {node!r}")
        return function.function, function.node_class()


_instance = _Instance()
LOOP: loop.Loop


def error(code: types.ErrorCode, text: str) -> Err:
    """A failure that reaches the caller."""
    return Err(types.Error(code, text))


def failure(problem: BaseException, code: types.ErrorCode | None = None) -> Err:
    """What became of an author's exception: its last line for the caller, all of it for the log."""
    if isinstance(problem, Err) and isinstance(problem.value, types.Error):
        return problem
    log.log_error(log.shown(problem))
    return error(code or _code(problem), log.named(problem))


def _code(problem: BaseException) -> types.ErrorCode:
    match problem:
        case PermissionError():
            return types.ErrorCode.DENIED
        case TimeoutError() | ConnectionError() | FileNotFoundError():
            return types.ErrorCode.UNAVAILABLE
    return types.ErrorCode.INTERNAL


async def _awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


def _wake() -> None:
    """The host is there now, which it is not while the component is made."""
    log.install()
    set_host(Bridge())


def _data_path() -> str | None:
    if "data" not in program.granted():
        return None
    granted = [name for _, name in preopens.get_directories()]
    return _DATA if _DATA in granted else None


class Worker(exports.Worker):
    """The interface `worker`."""

    def describe(self) -> list[Any]:
        _wake()
        try:
            return authored.load().described()
        except BaseException as problem:
            host.panicked(f"{log.sentence(problem)}\n{log.shown(problem)}")
            raise
        finally:
            LOOP.drain()

    async def start(self, class_id: str, instance: Any, config: str) -> None:
        _wake()
        authored.forbid_random()
        try:
            program_ = authored.load()
            cls = program_.classes.get(class_id)
            if cls is None:
                _instance.library = program_.shelf
                return
            worker = cls(workerid=instance.uuid, data_path=_data_path(), name=instance.name or None)
            _instance.become(worker)
            worker.update_config(json.loads(config))
            setup = getattr(worker, "setup", None)
            if setup is not None:
                await _awaited(setup())
            worker._attached = worker._running = True
            if worker._delay != cls.LOOP_DELAY:
                worker.delay = worker._delay
        except ValidationError as problem:
            raise failure(problem, types.ErrorCode.INVALID_CONFIG) from None
        except BaseException as problem:
            raise failure(problem) from None

    async def loop(self) -> None:
        worker = _instance.worker
        if worker is None:
            return
        _instance.turn = asyncio.current_task()
        try:
            await worker.loop()
        except asyncio.CancelledError:
            if not worker.stopped:
                raise error(types.ErrorCode.INTERNAL, "the turn of the loop was cancelled") from None
        except BaseException as problem:
            raise failure(problem) from None
        finally:
            _instance.turn = None

    async def update_config(self, config: str) -> None:
        if _instance.worker is None:
            return
        try:
            await _awaited(_instance.worker.update_config(json.loads(config)))
        except BaseException as problem:
            code = types.ErrorCode.INVALID_CONFIG if isinstance(problem, ValueError) else None
            raise failure(problem, code) from None

    def get_nodeshelf(self) -> list[Any] | None:
        try:
            return _instance.shelves()
        except BaseException as problem:
            failure(problem)
            return None
        finally:
            LOOP.drain()

    async def call(self, call: Any, inputs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        task = asyncio.current_task()
        assert task is not None
        _instance.calls[call.id] = task
        opened = Call(call.id, call.caller)
        CURRENT.set(opened)
        try:
            function, node = _instance.find(call.node)
            result = function(**_arguments(node, inputs, opened))
            return describe.outputs(node, await _awaited(result))
        except asyncio.CancelledError:
            raise error(types.ErrorCode.UNAVAILABLE, "the call was cancelled") from None
        except BaseException as problem:
            raise failure(problem) from None
        finally:
            _instance.calls.pop(call.id, None)

    def cancel(self, id: int) -> None:
        task = _instance.calls.get(id)
        if task is not None:
            task.cancel()
            LOOP.drain()

    async def stop(self) -> None:
        worker, here = _instance.worker, asyncio.current_task()
        if worker is not None:
            worker._stopping, worker._running = True, False
        for task in (_instance.turn, *_instance.calls.values()):
            if task is not None and task is not here:
                task.cancel()
        if worker is not None:
            try:
                await _awaited(worker.stop())
            except BaseException as problem:
                failure(problem)
        for task in asyncio.all_tasks(LOOP):
            if task is not here:
                task.cancel()


def _arguments(node: NodeClass, inputs: list[tuple[str, Any]], call: Call) -> dict[str, Any]:
    ports = {port.name: port for port in node.inputs}
    given = {} if node.call is None else {node.call: call}
    for name, value in inputs:
        port = ports.get(name)
        if port is None:
            raise error(types.ErrorCode.INVALID_INPUT, f"{node.name} has no input {name!r}")
        try:
            given[port.parameter] = values.from_wit(value, port.annotation)
        except ValueError as problem:
            raise error(types.ErrorCode.INVALID_INPUT, f"{name}: {problem}") from None
    for port in node.inputs:
        if port.required and port.parameter not in given:
            raise error(types.ErrorCode.INVALID_INPUT, f"{node.name} needs the input {port.name!r}")
    return given


class State(exports.State):
    """The interface `state`: the hooks `save` and `restore`, where a worker has them."""

    async def save(self) -> bytes:
        save = getattr(_instance.worker, "save", None)
        if save is None:
            return b""
        try:
            state = await _awaited(save())
            return bytes(state) if isinstance(state, (bytes, bytearray)) else values.to_json(state).encode()
        except BaseException as problem:
            raise failure(problem) from None

    async def restore(self, state: bytes) -> None:
        restore = getattr(_instance.worker, "restore", None)
        if restore is None:
            return
        try:
            await _awaited(restore(_restored(state)))
        except BaseException as problem:
            raise failure(problem) from None


def _restored(state: bytes) -> Any:
    """What `save` returned: JSON where it is that, else the bytes."""
    try:
        return json.loads(state)
    except ValueError:
        return state


def install(loop_: loop.Loop) -> None:
    """Gives the exports the loop that they run on."""
    global LOOP
    LOOP = loop_
