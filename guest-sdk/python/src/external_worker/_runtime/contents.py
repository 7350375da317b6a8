"""The files of a program as folders: data beside its modules, and what is known of the packages that it brought along."""

from __future__ import annotations

import importlib.metadata
import io
import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable, TraversableResources
from typing import IO, Any

_ABOUT = ".dist-info"


class Contents:
    """Files by their paths, and the folders that they lie in."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self._folders = {
            "/".join(parts[:length])
            for parts in (path.split("/")[:-1] for path in files)
            for length in range(1, len(parts) + 1)
        }

    def is_folder(self, path: str) -> bool:
        """Whether anything lies in it."""
        return path == "" or path in self._folders

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        """What lies in a folder: names, and whether each is a folder."""
        before = f"{folder}/" if folder else ""
        names: dict[str, bool] = {}
        for path in self.files:
            if path.startswith(before):
                name, more, _ = path.removeprefix(before).partition("/")
                names[name] = bool(more)
        return sorted(names.items())


class Place(Traversable):
    """A file or a folder of the program."""

    def __init__(self, contents: Contents, path: str) -> None:
        self._contents, self._path = contents, path

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    def iterdir(self) -> Iterator[Place]:
        for name, _ in self._contents.entries(self._path):
            yield self / name

    def is_dir(self) -> bool:
        return self._contents.is_folder(self._path)

    def is_file(self) -> bool:
        return self._path in self._contents.files

    def joinpath(self, *descendants: str) -> Place:
        parts = [part for one in (self._path, *descendants) for part in str(one).split("/") if part not in ("", ".")]
        return Place(self._contents, "/".join(parts))

    def __truediv__(self, child: str) -> Place:
        return self.joinpath(child)

    def read_bytes(self) -> bytes:
        try:
            return self._contents.files[self._path]
        except KeyError:
            raise FileNotFoundError(self._path) from None

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        return self.open("r", encoding=encoding, errors=errors).read()

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
        raw = io.BytesIO(self.read_bytes())
        if "b" in mode:
            return raw
        return io.TextIOWrapper(raw, *args, **{**kwargs, "encoding": kwargs.get("encoding") or "utf-8"})

    def __str__(self) -> str:
        return self._path


class Reader(TraversableResources):
    """The data beside the modules of a package."""

    def __init__(self, contents: Contents, folder: str) -> None:
        self._place = Place(contents, folder)

    def files(self) -> Place:
        return self._place


class Distribution(importlib.metadata.Distribution):
    """A package that the program brought along."""

    def __init__(self, contents: Contents, folder: str) -> None:
        self._contents, self._folder = contents, folder

    @classmethod
    def found(cls, contents: Contents, name: str | None) -> Iterator[Distribution]:
        """Those of this name; without one, all."""
        for entry, is_folder in contents.entries(""):
            called = entry.removesuffix(_ABOUT).partition("-")[0]
            if is_folder and entry.endswith(_ABOUT) and (name is None or _plain(called) == _plain(name)):
                yield cls(contents, entry)

    def read_text(self, filename: str) -> str | None:
        data = self._contents.files.get(f"{self._folder}/{filename}")
        return None if data is None else data.decode("utf-8", "replace")

    def locate_file(self, path: Any) -> Any:
        return Place(self._contents, str(path))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
