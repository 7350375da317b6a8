"""The author's program: its files come from the host, and are imported from memory."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
from types import CodeType, ModuleType
from typing import Any

from wit_world.imports import program


class Program(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads the modules of a program: `a/b.py` is `a.b`, and a folder is a package."""

    def __init__(self, files: dict[str, bytes], entry: str) -> None:
        self.files, self.entry = files, entry
        self._folders = {
            "/".join(parts[:length])
            for parts in (path.split("/")[:-1] for path in files)
            for length in range(1, len(parts) + 1)
        }

    @classmethod
    def read(cls) -> Program:
        """The one that the host gave."""
        return cls({file.path: file.contents for file in program.files()}, program.entry())

    @property
    def name(self) -> str:
        """What its module is called: the entry without its ending, or the package that it begins."""
        name = self.entry.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return name if name.isidentifier() or "." in name else "worker"

    def run(self) -> ModuleType:
        """Imports the entry."""
        sys.meta_path.append(self)
        if self.name != "worker" or "worker.py" in self.files:
            found = sys.modules.get(self.name)
            if found is not None:
                raise ImportError(f"a script cannot be called {self.entry}: there is a module {self.name} already")
            return importlib.import_module(self.name)
        spec = importlib.util.spec_from_loader("worker", self, origin=self.entry)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        sys.modules["worker"] = module
        self.exec_module(module)
        return module

    # What the import system asks

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        place = name.replace(".", "/")
        for file, is_package in ((f"{place}/__init__.py", True), (f"{place}.py", False)):
            if file in self.files:
                spec = importlib.util.spec_from_loader(name, self, origin=file, is_package=is_package)
                if is_package and spec is not None:
                    spec.submodule_search_locations = [place]
                return spec
        if place in self._folders:
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [place]
            return spec
        return None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        file = self._file(module.__name__)
        module.__file__ = file
        exec(self._compiled(file), module.__dict__)

    def is_package(self, name: str) -> bool:
        return self._file(name).endswith("/__init__.py")

    def get_source(self, name: str) -> str:
        return importlib.util.decode_source(self.files[self._file(name)])

    def get_code(self, name: str) -> CodeType:
        return self._compiled(self._file(name))

    def get_data(self, path: str) -> bytes:
        """The content of a file, for `pkgutil.get_data`."""
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def _file(self, name: str) -> str:
        place = name.replace(".", "/")
        for file in (f"{place}/__init__.py", f"{place}.py", self.entry):
            if file in self.files:
                return file
        raise ImportError(f"there is no module {name}")

    def _compiled(self, file: str) -> CodeType:
        source = self.files[file]
        # Tracebacks show the lines.
        text = source.decode(errors="replace")
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        return compile(source, file, "exec", dont_inherit=True)
