"""Nodes: what is decorated to become one, and the shelves they stand on."""

from external_worker import NdArray

from ._decorators import (
    InstanceNode,
    NodeDecorator,
    NodeFunction,
    instance_nodefunction,
)
from ._shelf import Shelf

__all__ = [
    "InstanceNode",
    "NdArray",
    "NodeDecorator",
    "NodeFunction",
    "Shelf",
    "instance_nodefunction",
]
