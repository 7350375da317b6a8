"""The library of built-ins, and the patch of the component that it is linked into."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "runtime"))

import intrinsics


class IntrinsicsTest(unittest.TestCase):
    """Its bytes."""

    def test_library(self) -> None:
        library = intrinsics.library()
        self.assertTrue(library.startswith(b"\0asm\1\0\0\0\0"))
        self.assertIn(b"PyInit__ewh_intrinsics", library)
        self.assertEqual(self.sections(library), [0, 1, 2, 3, 7, 9, 10, 11])

    def test_patch(self) -> None:
        types = intrinsics._section(7, b"\x01\x66\x00")
        before = b"\0asm\x0d\0\1\0" + intrinsics._section(0, b"\1a" + bytes(300))
        after = intrinsics._section(8, b"\x01\x11\x05\x00")
        patched = intrinsics.patch(before + types + intrinsics._section(8, b"\x01\x11\x91\x01\x00") + after)
        self.assertEqual(patched, before + types + intrinsics._section(8, b"\x01\x06\x00") + after)

    def test_patch_wants_one_place(self) -> None:
        with self.assertRaisesRegex(ValueError, "found 0"):
            intrinsics.patch(b"\0asm\x0d\0\1\0")

    def test_write(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            intrinsics.write(Path(folder))
            self.assertEqual((Path(folder) / intrinsics.FILE).read_bytes(), intrinsics.library())

    def sections(self, module: bytes) -> list[int]:
        found, at = [], 8
        while at < len(module):
            length, begin = intrinsics._number(module, at + 1)
            found.append(module[at])
            at = begin + length
        self.assertEqual(at, len(module))
        return found


if __name__ == "__main__":
    unittest.main()
