"""What an input does when it gets a value: it changes the options of another. Nodes in the sandbox are told of their
inputs when they are called, so these are not carried out; a worker changes options with `update_value_options`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def update_other_io_options(name: str, modifier: Callable[[Any], Any]) -> dict[str, Any]:
    """The options of the input `name` follow from the value of this one."""
    return {"updates": name, "with": modifier}


def update_other_io_value_options(name: str, modifier: Callable[[Any], Any]) -> dict[str, Any]:
    """The value options of the input `name` follow from the value of this one."""
    return {"updates": name, "with": modifier}
