"""Which ports there are: those that are granted and whose device is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .list_ports_common import ListPortInfo

__all__ = ["ListPortInfo", "comports", "grep"]


def comports(include_links: bool = False) -> list[ListPortInfo]:
    """The granted ports whose device is there."""
    from external_worker._runtime import ports

    return [ListPortInfo(name, rates) for name, rates, present in ports.ports() if present]


def grep(regexp: str, include_links: bool = False) -> Iterator[ListPortInfo]:
    """The ports whose name matches."""
    pattern = re.compile(regexp, re.IGNORECASE)
    return (port for port in comports() if pattern.search(port.device))
