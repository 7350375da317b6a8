"""What the component exports, for whatever the author's program defines.

Nothing that an author's code raises may leave here but as an error of the contract: everything else is a trap, which
costs the instance its life. `SystemExit` and `KeyboardInterrupt` are no exception.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from componentize_py_types import Err
from pydantic import ValidationError
from wit_world import exports
from wit_world.imports import host, types

from .._calls import CURRENT, Call
from .._describe import NodeClass
from .._errors import WorkerError
from .._host import set_host
from . import authored, describe, log, problems, values
from .bridge import Bridge, code_of
from .instance import Instance, awaited, hook

if TYPE_CHECKING:
    from .loop import Loop

_CODES = {code_of(code): code for code in types.ErrorCode}
_instance = Instance()
LOOP: Loop


def error(code: types.ErrorCode, text: str) -> Err:
    """A failure that reaches the caller."""
    return Err(types.Error(code, values.text(text)))


def failure(problem: BaseException, code: types.ErrorCode | None = None, *, place: bool = False) -> Err:
    """What became of an author's exception: one line for the caller, all of it for the log."""
    if isinstance(problem, Err) and isinstance(problem.value, types.Error):
        return problem
    log.log_error(problem)
    text = problems.sentence(problem) if place else problems.named(problem)
    if isinstance(problem, WorkerError):
        # Its text is a sentence already.
        text = text.removeprefix(f"{type(problem).__name__}: ")
    return error(code or _code(problem), text)


def _code(problem: BaseException) -> types.ErrorCode:
    match problem:
        case WorkerError():
            return _CODES.get(problem.code, types.ErrorCode.INTERNAL)
        case PermissionError():
            return types.ErrorCode.DENIED
        case TimeoutError() | ConnectionError() | FileNotFoundError():
            return types.ErrorCode.UNAVAILABLE
    return types.ErrorCode.INTERNAL


def _wake() -> None:
    """The host is there now, which it is not while the component is made."""
    log.install()
    set_host(Bridge())


class Worker(exports.Worker):
    """The interface `worker`."""

    def describe(self) -> list[Any]:
        _wake()
        try:
            return authored.load().described()
        except BaseException as problem:
            host.panicked(values.text(f"{problems.sentence(problem)}\n{problems.shown(problem)}"))
            raise
        finally:
            log.flush()
            LOOP.wake()

    async def start(self, class_id: str, instance: Any, config: str) -> None:
        _wake()
        try:
            authored.allow()
            program = authored.load()
            cls = program.classes.get(class_id)
            if cls is None:
                _instance.library = program.shelf
            else:
                await _instance.become(cls, instance, json.loads(config))
        except ValidationError as problem:
            raise failure(problem, types.ErrorCode.INVALID_CONFIG) from None
        except BaseException as problem:
            raise failure(problem, place=True) from None
        finally:
            log.flush()

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
            log.flush()

    async def update_config(self, config: str) -> None:
        if _instance.worker is None:
            return
        try:
            given = _instance.worker._told = json.loads(config)
            await awaited(_instance.worker.update_config(given))
        except BaseException as problem:
            code = types.ErrorCode.INVALID_CONFIG if isinstance(problem, ValueError) else None
            raise failure(problem, code) from None
        finally:
            log.flush()

    def get_nodeshelf(self) -> list[Any] | None:
        try:
            return _instance.shelves()
        except BaseException as problem:
            log.log_error(problem)
            return _instance.last_shelves()
        finally:
            log.flush()
            LOOP.wake()

    async def call(self, call: Any, inputs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        task = asyncio.current_task()
        assert task is not None
        opened = Call(call.id, call.caller, call.node)
        _instance.calls[call.id] = (opened, task)
        CURRENT.set(opened)
        try:
            found = _instance.find(call.node)
            if found is None:
                raise error(types.ErrorCode.UNAVAILABLE, f"there is no node {call.node!r}")
            function, node = found
            result = function(**_arguments(node, inputs, opened))
            if hasattr(result, "__await__"):
                result = await result
            return describe.outputs(node, result)
        except asyncio.CancelledError:
            raise error(types.ErrorCode.UNAVAILABLE, "the call was cancelled") from None
        except BaseException as problem:
            raise failure(problem) from None
        finally:
            del _instance.calls[call.id]
            log.flush()

    def cancel(self, id: int) -> None:
        call, task = _instance.calls.get(id, (None, None))
        if call is not None and task is not None:
            call.cancelled = True
            task.cancel()
            LOOP.wake()

    async def stop(self) -> None:
        await _instance.end(failure)
        log.flush()


def _arguments(node: NodeClass, inputs: list[tuple[str, Any]], call: Call) -> dict[str, Any]:
    ports = node.by_name
    given: dict[str, Any] = {} if node.call is None else {node.call: node.call_kind.of_call(call)}
    for name, value in inputs:
        port = ports.get(name)
        if port is None:
            raise error(types.ErrorCode.INVALID_INPUT, f"{node.name} has no input {name!r}")
        try:
            given[port.parameter] = values.from_wit(value, port.annotation)
        except (ValueError, TypeError) as problem:
            raise error(types.ErrorCode.INVALID_INPUT, f"{name}: {problems.named(problem)}") from None
    for port in node.inputs:
        if port.required and port.parameter not in given:
            raise error(types.ErrorCode.INVALID_INPUT, f"{node.name} needs the input {port.name!r}")
    return given


class State(exports.State):
    """The interface `state`: the hooks `save` and `restore`, where a worker has them."""

    async def save(self) -> bytes:
        save = hook(_instance.worker, "save")
        if save is None:
            return b""
        try:
            return _kept(await awaited(save()))
        except BaseException as problem:
            raise failure(problem) from None

    async def restore(self, state: bytes) -> None:
        restore = hook(_instance.worker, "restore")
        if restore is None or not state:
            return
        try:
            await awaited(restore(_restored(state)))
        except BaseException as problem:
            raise failure(problem) from None


# What `save` returned comes back as what it was: the first byte says whether it is JSON or bytes.
_JSON, _BYTES = b"J", b"B"


def _kept(state: Any) -> bytes:
    if state is None:
        return b""
    if isinstance(state, (bytes, bytearray)):
        return _BYTES + state
    return _JSON + values.to_json(state).encode()


def _restored(state: bytes) -> Any:
    return state[1:] if state[:1] == _BYTES else json.loads(state[1:])


def install(loop: Loop) -> None:
    """Gives the exports the loop that they run on."""
    global LOOP
    LOOP = loop
