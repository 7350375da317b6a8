"""The author's program: its files come from the host, and are imported from memory."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from .contents import Contents, Distribution, Reader

_PACKAGE = "/__init__.py"


class Program(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads the modules of a program: `a/b.py` is `a.b`, and a folder is a package."""

    def __init__(self, files: dict[str, bytes], entry: str) -> None:
        self.contents, self.entry = Contents(files), entry
        self.name = _module_name(entry)

    @classmethod
    def read(cls) -> Program:
        """The one that the host gave."""
        from wit_world.imports import program

        return cls({file.path: file.contents for file in program.files()}, program.entry())

    def run(self) -> ModuleType:
        """Imports the entry."""
        if self.name in sys.modules:
            if self.entry.endswith(_PACKAGE):
                raise ImportError(f"a package cannot be called {self.name}: there is one already")
            # The module that is there stays what it is for everybody else.
            self.name += "_"
        # A folder's own modules come before Python's, as for any script, but not those that are built in.
        after = [at for at, finder in enumerate(sys.meta_path) if finder is importlib.machinery.FrozenImporter]
        sys.path_hooks.append(self.folder)
        sys.meta_path.insert(after[-1] + 1 if after else 0, self)
        return importlib.import_module(self.name)

    # What the import system asks

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        place = name.replace(".", "/")
        file = self._find(name)
        if file is None:
            if not self.contents.is_folder(place):
                return None
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [place]
            return spec
        is_package = file.endswith(_PACKAGE)
        spec = importlib.machinery.ModuleSpec(name, self, origin=file, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [file.removesuffix(_PACKAGE)]
        return spec

    def find_distributions(self, context: Any) -> Iterator[Distribution]:
        """For `importlib.metadata`."""
        return Distribution.found(self.contents, getattr(context, "name", None))

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def is_package(self, name: str) -> bool:
        return self._file(name).endswith(_PACKAGE)

    def get_filename(self, name: str) -> str:
        """The path of the module's file."""
        return self._file(name)

    def get_source(self, name: str) -> str:
        return importlib.util.decode_source(self.contents.files[self._file(name)])

    def get_code(self, name: str) -> CodeType:
        file = self._file(name)
        # Tracebacks show the lines.
        linecache.cache[file] = (lambda: self.get_source(name),)  # type: ignore[assignment]
        return compile(self.contents.files[file], file, "exec", dont_inherit=True)

    def get_data(self, path: str) -> bytes:
        """The content of a file, for `pkgutil.get_data`."""
        try:
            return self.contents.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def get_resource_reader(self, name: str) -> Reader:
        """For `importlib.resources`."""
        return Reader(self.contents, self._file(name).rpartition("/")[0])

    def folder(self, path: str) -> Folder:
        """For `pkgutil`: what looks for modules in a folder, if it is one of the program's."""
        if not self.contents.is_folder(path):
            raise ImportError(path)
        return Folder(self, path)

    def _find(self, name: str) -> str | None:
        if name == self.name:
            return self.entry
        place = name.replace(".", "/")
        return next((file for file in (f"{place}{_PACKAGE}", f"{place}.py") if file in self.contents.files), None)

    def _file(self, name: str) -> str:
        file = self._find(name)
        if file is None:
            raise ImportError(f"there is no module {name}", name=name)
        return file


class Folder:
    """Looks for modules in one folder of a program."""

    def __init__(self, program: Program, path: str) -> None:
        self._program, self._path = program, path

    def find_spec(self, name: str, target: Any = None) -> Any:
        """The module, if it lies here."""
        return self._program.find_spec(name)

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """Every module that lies here, and whether it is a package."""
        contents = self._program.contents
        for entry, is_folder in contents.entries(self._path):
            package = f"{self._path}/{entry}{_PACKAGE}".lstrip("/")
            if is_folder and package in contents.files:
                yield prefix + entry, True
            elif entry.endswith(".py") and entry != "__init__.py":
                yield prefix + entry.removesuffix(".py"), False


def _module_name(entry: str) -> str:
    """What the entry is imported as: without its ending, or the package that it begins."""
    parts = entry.removesuffix(".py").removesuffix("/__init__").split("/")
    # A dot parts a package from what is in it.
    return ".".join(part.replace(".", "_") for part in parts)
