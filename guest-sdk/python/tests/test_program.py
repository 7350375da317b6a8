"""A program is imported from memory: packages, data, tracebacks, and names that are Python's own."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.resources
import pkgutil
import sys
import unittest
from types import ModuleType

import sandbox  # noqa: F401

from external_worker._runtime import problems
from external_worker._runtime.program import Program

FILES = {
    "lab/__init__.py": b"from .line import depth\nfrom vendored import ANSWER\nPLACE = __file__\n",
    "lab/line.py": b"from . import deep\n\ndef depth():\n    return deep.fail()\n",
    "lab/deep/__init__.py": b"def fail():\n    # why\n    return 1 // 0\n",
    "lab/data/table.csv": "ä;1\n".encode(),
    "vendored/__init__.py": b"import importlib.metadata\nANSWER = importlib.metadata.version('vendored-thing')\n",
    "vendored_thing-4.2.dist-info/METADATA": b"Metadata-Version: 2.1\nName: vendored.thing\nVersion: 4.2\n",
}


class Imports(unittest.TestCase):
    def setUp(self) -> None:
        before, path, hooks = set(sys.modules), list(sys.meta_path), list(sys.path_hooks)

        def restore() -> None:
            sys.meta_path[:], sys.path_hooks[:] = path, hooks
            sys.path_importer_cache.clear()
            for name in set(sys.modules) - before:
                del sys.modules[name]

        self.addCleanup(restore)

    def run_program(self, files: dict[str, bytes], entry: str) -> ModuleType:
        return Program(files, entry).run()

    def test_a_package_with_what_it_brought_along(self) -> None:
        lab = self.run_program(FILES, "lab/__init__.py")
        self.assertEqual((lab.__name__, lab.PLACE, lab.__path__, lab.ANSWER), ("lab", "lab/__init__.py", ["lab"], "4.2"))
        self.assertEqual(importlib.import_module("lab.deep").__package__, "lab.deep")
        self.assertIn("vendored.thing", [one.name for one in importlib.metadata.distributions()])
        with self.assertRaises(ModuleNotFoundError):
            importlib.import_module("lab.nothing")

    def test_data_beside_modules(self) -> None:
        self.run_program(FILES, "lab/__init__.py")
        data = importlib.resources.files("lab") / "data"
        self.assertEqual([place.name for place in data.iterdir()], ["table.csv"])
        self.assertEqual(data.joinpath("table.csv").read_text(), "ä;1\n")
        self.assertEqual(pkgutil.get_data("lab", "data/table.csv"), "ä;1\n".encode())
        self.assertFalse((data / "nothing").is_file())
        with self.assertRaises(FileNotFoundError):
            (data / "nothing").read_bytes()

    def test_modules_are_found_by_those_who_look(self) -> None:
        lab = self.run_program(FILES, "lab/__init__.py")
        found = {(one.name, one.ispkg) for one in pkgutil.iter_modules(lab.__path__, "lab.")}
        self.assertEqual(found, {("lab.line", False), ("lab.deep", True)})

    def test_a_traceback_has_the_authors_lines_and_no_others(self) -> None:
        lab = self.run_program(FILES, "lab/__init__.py")
        try:
            lab.depth()
        except ZeroDivisionError as problem:
            shown, sentence = problems.shown(problem), problems.sentence(problem)
        self.assertIn('  File "lab/line.py", line 4, in depth\n    return deep.fail()', shown)
        self.assertIn('  File "lab/deep/__init__.py", line 3, in fail\n    return 1 // 0', shown)
        self.assertIn("(lab/deep/__init__.py, line 3)", sentence)

    def test_a_script_may_be_called_as_it_likes(self) -> None:
        for file, name in [("my-worker.py", "my-worker"), ("v1.2.py", "v1_2"), ("json.py", "json_"), ("a b.py", "a b")]:
            with self.subTest(file):
                module = self.run_program({file: b"import json\nNAME = json.dumps(__name__)\n"}, file)
                self.assertEqual((module.__name__, module.__file__, module.NAME), (name, file, f'"{name}"'))

    def test_a_package_cannot_hide_one_that_is_there(self) -> None:
        with self.assertRaisesRegex(ImportError, "cannot be called json"):
            self.run_program({"json/__init__.py": b""}, "json/__init__.py")

    def test_its_own_modules_come_first(self) -> None:
        files = {"main.py": b"from sndhdr_own import x\nimport wave\n", "sndhdr_own.py": b"x = 1", "wave.py": b"own = 2"}
        self.assertEqual(self.run_program(files, "main.py").wave.own, 2)

    def test_what_does_not_parse_says_its_line(self) -> None:
        with self.assertRaises(SyntaxError) as caught:
            self.run_program({"broken.py": b"x = 1\ndef f(:\n"}, "broken.py")
        self.assertEqual(problems.sentence(caught.exception), "SyntaxError: invalid syntax (broken.py, line 2)")

    def test_a_coding_line_is_obeyed(self) -> None:
        source = "# -*- coding: latin-1 -*-\nx = 'ä'\n".encode("latin-1")
        self.assertEqual(self.run_program({"old.py": source}, "old.py").x, "ä")


class Problems(unittest.TestCase):
    def test_own_frames_are_hidden_and_pythons_are_named(self) -> None:
        for file, shown in [
            ("/0/external_worker/_runtime/exports.py", None),
            ("/1/funcnodes_worker/_worker.py", None),
            ("/0/app.py", None),
            ("/python/importlib/__init__.py", None),
            ("<frozen importlib._bootstrap>", None),
            ("/python/json/decoder.py", "<python>/json/decoder.py"),
            ("<python>/wave.py", "<python>/wave.py"),
            ("/2/pydantic/main.py", "<python>/pydantic/main.py"),
            ("app.py", "app.py"),
            ("funcnodes_worker/mine.py", "funcnodes_worker/mine.py"),
        ]:
            with self.subTest(file):
                self.assertEqual(None if problems._is_hidden(file) else problems._place(file), shown)

    def test_one_that_cannot_be_told(self) -> None:
        class Bad(Exception):
            def __str__(self) -> str:
                raise SystemExit(3)

        self.assertEqual(problems.named(Bad()), "Bad: (it cannot say what it is)")
        self.assertIn("Bad", problems.shown(Bad()))

    def test_lines_of_a_message_become_one(self) -> None:
        self.assertEqual(problems.named(ValueError("a\n  b")), "ValueError: a b")
        self.assertEqual(problems.named(KeyboardInterrupt()), "KeyboardInterrupt")
        self.assertEqual(problems.named(MemoryError()), "MemoryError: the memory of the worker is used up")


if __name__ == "__main__":
    unittest.main()
