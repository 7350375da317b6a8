"""Nodes: what is decorated to become one, and the shelves they stand on."""

from json import JSONDecoder, JSONEncoder

from external_worker import NdArray

from . import decorator
from .io import InputMeta, NodeInput, NodeOutput, NoValue, OutputMeta
from .lib import Shelf, module_to_shelf
from .node import Node
from .nodemaker import InstanceNode, NodeDecorator, NodeFunction, instance_nodefunction

__all__ = [
    "InputMeta",
    "InstanceNode",
    "JSONDecoder",
    "JSONEncoder",
    "NdArray",
    "NoValue",
    "Node",
    "NodeDecorator",
    "NodeFunction",
    "NodeInput",
    "NodeOutput",
    "OutputMeta",
    "Shelf",
    "decorator",
    "instance_nodefunction",
    "module_to_shelf",
]
