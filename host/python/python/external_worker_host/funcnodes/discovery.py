"""Where files with external workers are: in a folder of the Worker, and in Python packages that advertise them.

A package advertises by an entry point of the group ``external_worker_host.workers``. Its value is
``package:file.wasm``, ``package:file.py``, or ``package`` alone, for all the components in that package's folder.
Nothing of the package is imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from .source import Place

GROUP = "external_worker_host.workers"
ENDINGS = (".wasm", ".py")
#: What a file is called without its ending: it is the name of a shelf, and a part of messages.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")


def in_folder(folder: Path) -> Iterator[Place]:
    """Those in the Worker's own folder."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for path in found:
        if path.suffix in ENDINGS and _NAME.fullmatch(path.stem) and path.is_file():
            yield Place(path.stem, path, f"the folder {folder}")


def in_packages() -> Iterator[Place]:
    """Those of installed packages."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        origin = f"the package {entry.dist.name}" if entry.dist is not None else f"the entry point {entry.name}"
        for folder in _folders(entry.module):
            files = [folder / entry.attr] if entry.attr else sorted(folder.glob("*.wasm"))
            for path in files:
                name = entry.name if entry.attr else path.stem
                if path.suffix in ENDINGS and _NAME.fullmatch(name) and path.is_file():
                    yield Place(name, path, origin)


def _folders(package: str) -> list[Path]:
    try:
        # Of a dotted name this would import the outer package, so the parts below the first are folders.
        outer, *inner = package.split(".")
        spec = importlib.util.find_spec(outer)
    except (ImportError, ValueError):
        return []
    locations = (spec.submodule_search_locations or []) if spec is not None else []
    return [Path(location, *inner) for location in locations]


def everything(folder: Path) -> dict[str, Place]:
    """All there are, by name. A file in the Worker's folder is used rather than a package's of the same name."""
    found: dict[str, Place] = {}
    for place in [*in_folder(folder), *in_packages()]:
        found.setdefault(place.name, place)
    return found
