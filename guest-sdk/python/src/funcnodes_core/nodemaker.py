"""The decorators that make a node of a method or of a function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, overload

from external_worker._calls import Call
from external_worker._describe import NodeClass, node_class
from external_worker._host import host
from external_worker._nodes import NodeProxy, Proxies

Function = Callable[..., Any]


# A call of an object takes of the stack of the component, of which Python's own limit knows nothing.
_MOST_DEPTH = 100


class NodeMethod:
    """A method that is a node: what `instance_nodefunction` leaves in the class."""

    def __init__(self, function: Function, options: dict[str, Any]) -> None:
        self.function, self.options = function, options
        self.name = function.__name__
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self._class: NodeClass | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> NodeMethod: ...
    @overload
    def __get__(self, instance: Any, owner: type) -> InstanceNode: ...
    def __get__(self, instance: Any, owner: type) -> NodeMethod | InstanceNode:
        return self if instance is None else InstanceNode(self, instance)

    def node_class(self) -> NodeClass:
        """What it is in the library."""
        if self._class is None:
            self._class = node_class(self.function, self.name, self.options)
        return self._class

    def triggers_on_call(self) -> bool:
        """Whether calling it triggers its nodes; unless it is said, if it has no inputs."""
        chosen = self.options.get("trigger_on_call")
        return not self.node_class().has_inputs if chosen is None else bool(chosen)

    def triggers(self, function: Function) -> Function:
        """Decorates a method that triggers the nodes of this one after it has run."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                result = await function(*args, **kwargs)
                host().request_trigger(self.name)
                return result

            return awaited

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            host().request_trigger(self.name)
            return result

        return called


class InstanceNode:
    """A node method of an instance: it can be called, and tells of the nodes that were made of it."""

    _depth = 0

    def __init__(self, method: NodeMethod, instance: Any) -> None:
        self._method, self._instance = method, instance
        functools.update_wrapper(self, method.function)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """The method's name."""
        return self._method.name

    @property
    def __self__(self) -> Any:
        return self._instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if InstanceNode._depth >= _MOST_DEPTH:
            raise RecursionError(f"maximum recursion depth exceeded in {self.name}")
        InstanceNode._depth += 1
        try:
            result = self._method.function(self._instance, *args, **kwargs)
        finally:
            InstanceNode._depth -= 1
        if not self._method.triggers_on_call() or self._runs():
            return result
        if inspect.isawaitable(result):
            return self._trigger_after(result)
        self.request_trigger()
        return result

    def _runs(self) -> bool:
        """Whether this is a node's own call, from within: it would trigger itself for ever."""
        call = Call.current()
        return call is not None and call.node == self.name

    async def _trigger_after(self, result: Any) -> Any:
        value = await result
        self.request_trigger()
        return value

    def request_trigger(self) -> None:
        """Asks every node that was made of this method to run with its own inputs."""
        host().request_trigger(self.name)

    def nodes(self, _instance: Any = None) -> list[NodeProxy]:
        """The nodes in the graph that were made of this method."""
        return [self._proxies().of_node(handle) for handle in host().nodes(self.name)]

    def nodeclass(self, _instance: Any = None) -> NodeProxy:
        """The class of nodes yet to be made of this method."""
        return self._proxies().of_class(host().node_class(self.name))

    def create_node(self, *_: Any, **__: Any) -> NodeProxy:
        """Nodes are made in the graph, not by a worker."""
        raise NotImplementedError("a worker in the sandbox makes no nodes: they are made in the graph")

    def _proxies(self) -> Proxies:
        # What was set last is remembered for the instance, so that a part of it can be changed.
        kept = self._instance.__dict__.setdefault("_node_proxies", {})
        if self.name not in kept:
            kept[self.name] = Proxies(self._method.node_class())
        return kept[self.name]


def instance_nodefunction(trigger_on_call: bool | None = None, **options: Any) -> Any:
    """Makes a node of a method.

    Options: `name` or `node_name`, `description`, `inputs` and `outputs` (lists of dictionaries that say more of each),
    `default_io_options` (by the name of an input or output: `default`, `does_trigger`, `hidden`, `value_options`,
    `render_options`), `default_render_options`, and `timeout`, the longest that a call may take.

    `trigger_on_call`: whether calling the method triggers its nodes; unless it is said, if it has no inputs.
    """
    if callable(trigger_on_call):
        return NodeMethod(trigger_on_call, {})
    return lambda function: NodeMethod(function, {**options, "trigger_on_call": trigger_on_call})


class NodeFunction:
    """A function that is a node of a shelf or of a node library."""

    def __init__(self, function: Function, options: dict[str, Any]) -> None:
        self.function, self.options = function, options
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.name: str = options.get("node_id") or options.get("id") or function.__name__
        self._class: NodeClass | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __get__(self, instance: Any, owner: type) -> NodeFunction:
        if instance is None:
            return self
        return NodeFunction(self.function.__get__(instance), self.options)

    def node_class(self) -> NodeClass:
        """What it is in the library."""
        if self._class is None:
            options = {"name": self.function.__name__, **self.options}
            self._class = node_class(self.function, self.name, options)
        return self._class


def NodeDecorator(node_id: Any = None, node_name: str | None = None, **options: Any) -> Any:
    """Makes a node of a function, with the options of `instance_nodefunction`."""
    if callable(node_id):
        return NodeFunction(node_id, {})
    named = {"node_id": node_id, "node_name": node_name, **options}
    return lambda function: NodeFunction(function, named)

