"""What an author's worker inherits from."""

from __future__ import annotations

import abc
import inspect
import json
import logging
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from external_worker._errors import WorkerError
from external_worker._host import host
from external_worker._nodes import NodeProxy
from funcnodes_core import Shelf
from funcnodes_core.nodemaker import InstanceNode, NodeMethod

from ._config import ExternalWorkerConfig

CLASSES: list[type[FuncNodesExternalWorker]] = []
"""Every concrete class, in the order of their definitions."""

INCOMPLETE: list[tuple[type[FuncNodesExternalWorker], list[str]]] = []
"""Classes that are not marked as abstract, and what each lacks."""


class FuncNodesExternalWorker(abc.ABC):
    """A worker. A concrete one has a NODECLASSID and an `async def loop(self)`.

    Hooks besides the loop: `post_config_update`, `get_nodeshelf`, `cleanup`, an `async def setup(self)` that acquires
    what the worker needs before its first turn, and `save(self)` with `restore(self, state)`, by which a new version of
    the script goes on where this one was.
    """

    NODECLASSID: ClassVar[str]
    IS_ABSTRACT: ClassVar[bool] = True
    NAME: ClassVar[str | None] = None
    config_cls: ClassVar[type[ExternalWorkerConfig]] = ExternalWorkerConfig
    LOOP_DELAY: ClassVar[float] = 1.0
    """Seconds between the end of a turn of the loop and the next."""
    RUNNING_WORKERS: ClassVar[dict[str, weakref.WeakValueDictionary[str, FuncNodesExternalWorker]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if vars(cls).get("IS_ABSTRACT"):
            return
        lacking = sorted(name for name in dir(cls) if getattr(getattr(cls, name, None), "__isabstractmethod__", False))
        cls.IS_ABSTRACT = bool(lacking)
        if lacking:
            INCOMPLETE.append((cls, [f"`{name}`" for name in lacking]))
            return
        if not getattr(cls, "NODECLASSID", None):
            raise ValueError(f"{cls.__name__} needs a NODECLASSID, or IS_ABSTRACT = True")
        if not inspect.iscoroutinefunction(cls.loop):
            raise TypeError(f"{cls.__name__}.loop has to be `async def loop(self)`")
        CLASSES.append(cls)

    def __init__(
        self,
        workerid: str | None = None,
        config: Any = None,
        data_path: str | Path | None = None,
        name: str | None = None,
    ) -> None:
        if self.IS_ABSTRACT:
            raise ValueError(f"{type(self).__name__} is abstract: no instance can be made of it")
        self._uuid, self._name = workerid, name
        self._data_path = None if data_path is None else Path(data_path)
        self._delay = float(type(self).LOOP_DELAY)
        self._listeners: dict[str, list[Callable[..., Any]]] = {}
        self._nodeshelf: Shelf | None = None
        self._running = self._stopping = self._attached = self._renamed = False
        self._logger = logging.getLogger(type(self).__name__)
        self._config = self.config_cls()
        self._told: Any = None
        running = self.RUNNING_WORKERS.setdefault(self.NODECLASSID, weakref.WeakValueDictionary())
        if workerid is not None:
            running[workerid] = self
        if config is not None:
            self.update_config(config)

    # Who and what it is

    @property
    def uuid(self) -> str | None:
        """Its id, kept over restarts, saves and exports."""
        return self._uuid

    @property
    def name(self) -> str:
        """Its name: the one that a person gave it, or its class with its id."""
        if self._attached and not self._renamed:
            self._name = host().name() or self._name
        return self._name or f"{type(self).__name__}({self._uuid})"

    @name.setter
    def name(self, name: str | None) -> None:
        self._name, self._renamed = name or None, True

    @property
    def logger(self) -> logging.Logger:
        """Its log."""
        return self._logger

    @property
    def data_path(self) -> Path | None:
        """The folder that belongs to it alone; None where `data` is not granted."""
        if self._data_path is not None:
            self._data_path.mkdir(parents=True, exist_ok=True)
        return self._data_path

    @classmethod
    def running_instances(cls) -> list[FuncNodesExternalWorker]:
        """The instances of this class that run here. In the sandbox that is one at most: each has its own."""
        known = cls.RUNNING_WORKERS.get(getattr(cls, "NODECLASSID", ""), {})
        return [worker for worker in known.values() if worker.running]

    # The configuration

    @property
    def config(self) -> Any:
        """The configuration in force, an instance of `config_cls`."""
        return self._config

    def update_config(self, config: Any = None) -> None:
        """Changes the configuration: what is not named stays. What is wrong is an error, and changes nothing."""
        if config is None:
            return
        given = config.model_dump() if isinstance(config, BaseModel) else dict(config)
        before = self._config
        self._config = self.config_cls(**{**before.model_dump(), **given})
        try:
            self.post_config_update()
        except BaseException:
            self._config, self._told = before, None
            raise
        self._tell_config()

    def _begin_with(self, config: dict[str, Any]) -> None:
        """Takes the configuration that the host gave at the start. One that says the defaults changes nothing."""
        self._told = config
        defaults = self._config.form_data()
        if {**defaults, **config} == defaults:
            self._tell_config()
        else:
            self.update_config(config)

    def _tell_config(self) -> None:
        """Tells the host what the configuration is, where it is not what it gave."""
        if not self._attached:
            return
        data = self._config.form_data()
        # As text: 2 and 2.0 are equal, and not the same in a form.
        if json.dumps(data, sort_keys=True) == json.dumps(self._told, sort_keys=True):
            return
        self._told = data
        try:
            host().set_config(data)
        except WorkerError as refused:
            self.logger.warning("the form does not show the configuration that is in force: %s", refused)

    def post_config_update(self) -> None:
        """A hook: the configuration has changed."""

    # The loop

    @abc.abstractmethod
    async def loop(self) -> None:
        """One turn of the background loop."""

    @property
    def running(self) -> bool:
        """Whether it has started and not stopped."""
        return self._running

    @property
    def stopped(self) -> bool:
        """Whether it is being stopped."""
        return self._stopping

    @property
    def delay(self) -> float:
        """Seconds between the end of a turn and the next."""
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._delay = float(seconds)
        if self._attached:
            host().set_loop_delay(self._delay)

    def pause(self) -> None:
        """No further turn begins until somebody resumes the loop."""
        host().pause()

    def resume(self) -> None:
        """Resumes the loop."""
        host().resume_in(0.0)

    def resume_in(self, seconds: float) -> None:
        """Resumes the loop after so many seconds."""
        host().resume_in(float(seconds))

    # The shelf

    def get_nodeshelf(self) -> Shelf | None:
        """Further nodes; None: there are none."""
        return self._nodeshelf

    def set_nodeshelf(self, shelf: Shelf | None) -> None:
        """Replaces the shelf, and says so."""
        self._nodeshelf = shelf
        self.emit("nodes_update")

    @property
    def nodeshelf(self) -> weakref.ref[Shelf] | None:
        """The shelf, by a weak reference, as FuncNodes has it; None: there is none."""
        shelf = self.get_nodeshelf()
        return None if shelf is None else weakref.ref(shelf)

    @nodeshelf.setter
    def nodeshelf(self, shelf: Shelf | None) -> None:
        self.set_nodeshelf(shelf)

    # Events

    def emit(self, event: str, msg: dict[str, Any] | None = None) -> bool:
        """Tells listeners and clients that something happened. Returns whether anybody listens here.

        "nodes_update" makes the host read the shelf and the options again.
        """
        listeners = list(self._listeners.get(event, ()))
        for listener in listeners:
            listener(src=self, **(msg or {}))
        # Until it has started, nobody has read the shelf yet.
        if self._attached and (self._running or event != "nodes_update"):
            host().emit(event, {} if msg is None else msg)
        return bool(listeners)

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        """Calls `listener(src=…, **msg)` at each event of this name."""
        self._listeners.setdefault(event, []).append(listener)

    def once(self, event: str, listener: Callable[..., Any]) -> None:
        """Calls it at the next event of this name only."""

        def called(**msg: Any) -> None:
            self.off(event, called)
            listener(**msg)

        self.on(event, called)

    def off(self, event: str, listener: Callable[..., Any] | None = None) -> None:
        """Does not call it any more; without a listener, none of this event."""
        if listener is None:
            self._listeners.pop(event, None)
        else:
            self._listeners[event].remove(listener)

    # The end

    async def stop(self) -> None:
        """Ends this worker: the host ends its loop and its calls, and `cleanup` is called."""
        if self._stopping:
            self.emit("stopping")
            self.cleanup()
        elif self._attached:
            host().stop_self()
        else:
            self._stopping, self._running = True, False
            await self.stop()

    def cleanup(self) -> None:
        """A hook: releases what the worker holds."""

    def serialize(self, export: bool = False) -> dict[str, Any]:
        """What a save keeps of it, or an export."""
        config = self.config.exportable_dict() if export else self.config.model_dump(mode="json")
        return {
            "uuid": self.uuid,
            "nodeclassid": self.NODECLASSID,
            "running": self.running,
            "name": self.name,
            "config": config,
        }

    # Its nodes

    def get_all_nodeclasses(self) -> dict[str, NodeProxy]:
        """The class of the nodes of each method, by the methods' names."""
        return {name: getattr(self, name).nodeclass() for name in self.node_methods()}

    def get_nodeclass(self, name: str) -> NodeProxy:
        """The class of the nodes of a method."""
        return self._node_method(name).nodeclass()

    def get_nodes(self, name: str) -> list[NodeProxy]:
        """The nodes in the graph that were made of a method."""
        return self._node_method(name).nodes()

    def get_all_nodes(self) -> list[NodeProxy]:
        """All nodes in the graph that were made of this worker's methods."""
        return [node for name in self.node_methods() for node in getattr(self, name).nodes()]

    def _node_method(self, name: str) -> InstanceNode:
        if name not in self.node_methods():
            raise KeyError(name)
        return getattr(self, name)

    # What the runtime asks of it

    @classmethod
    def node_methods(cls) -> dict[str, NodeMethod]:
        """The methods that are nodes. A later definition wins over an inherited one."""
        found: dict[str, NodeMethod] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, NodeMethod):
                    found[name] = value
                else:
                    found.pop(name, None)
        return found
