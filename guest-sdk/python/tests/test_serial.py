"""pyserial's API against a port that answers from memory: nothing of the sandbox is needed."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

import serial
from serial import _serial


class FakePort:
    """Gives what `script` holds, piece by piece; an empty piece is a timeout."""

    def __init__(self, script: list[bytes]) -> None:
        self.script, self.written, self.log = script, bytearray(), []
        self.error: OSError | None = None

    def read(self, most: int, seconds: float | None) -> bytes:
        self.log.append(("read", most, seconds))
        if self.error is not None:
            raise self.error
        if not self.script:
            return b""
        piece = self.script.pop(0)
        if len(piece) > most:
            self.script.insert(0, piece[most:])
        return piece[:most]

    def write(self, data: bytes, seconds: float | None) -> None:
        if self.error is not None:
            raise self.error
        self.written += data

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self.log.append((name, *args))
            return {"cts": True, "dsr": False, "ri": False, "cd": True} if name == "lines" else None

        return call


class SerialTest(unittest.TestCase):
    """One port for each test."""

    def open(self, *script: bytes, **options: Any) -> tuple[serial.Serial, FakePort]:
        fake = FakePort(list(script))
        for name, value in (("_open", lambda *_: fake), ("_settings", lambda wanted: wanted)):
            patch = mock.patch.object(_serial, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        return serial.Serial("bench", **{"timeout": 1, **options}), fake

    def test_read_collects_pieces(self) -> None:
        port, _ = self.open(b"ab", b"c", b"def")
        self.assertEqual(port.read(5), b"abcde")
        self.assertEqual(port.read(5), b"f")

    def test_read_ends_with_the_timeout(self) -> None:
        port, fake = self.open(b"ab", b"", b"late")
        self.assertEqual(port.read(5), b"ab")
        self.assertLessEqual(fake.log[0][2], 1)

    def test_no_timeout_waits_without_end(self) -> None:
        port, fake = self.open(b"x", timeout=None)
        port.read()
        self.assertEqual(fake.log[0], ("read", 1, None))

    def test_inter_byte_timeout_shortens_the_wait(self) -> None:
        port, fake = self.open(b"a", b"", inter_byte_timeout=0.01)
        self.assertEqual(port.read(5), b"a")
        self.assertEqual(fake.log[1][2], 0.01)

    def test_lines(self) -> None:
        port, _ = self.open(b"one\ntw", b"o\n", b"rest", b"")
        self.assertEqual([port.readline(), port.readline(), port.readline()], [b"one\n", b"two\n", b"rest"])

    def test_lines_are_iterated(self) -> None:
        port, _ = self.open(b"a\nb\n", b"")
        self.assertEqual(list(port), [b"a\n", b"b\n"])

    def test_read_until_with_a_long_end_over_pieces(self) -> None:
        port, _ = self.open(b"xx\r", b"\nyy")
        self.assertEqual(port.read_until(b"\r\n"), b"xx\r\n")
        self.assertEqual(port.read(2), b"yy")

    def test_read_until_with_a_size(self) -> None:
        port, _ = self.open(b"abcdef\n")
        self.assertEqual(port.read_until(size=3), b"abc")
        self.assertEqual(port.readline(2), b"de")

    def test_in_waiting_counts_without_taking(self) -> None:
        port, _ = self.open(b"abc", b"de", b"")
        self.assertEqual(port.in_waiting, 5)
        self.assertEqual(port.read_all(), b"abcde")

    def test_readinto(self) -> None:
        port, _ = self.open(b"abc")
        buffer = bytearray(3)
        self.assertEqual(port.readinto(buffer), 3)
        self.assertEqual(bytes(buffer), b"abc")

    def test_write(self) -> None:
        port, fake = self.open()
        self.assertEqual(port.write(b"ab") + port.write([1, 2]), 4)
        self.assertEqual(fake.written, b"ab\x01\x02")
        with self.assertRaises(TypeError):
            port.write("text")

    def test_write_timeout(self) -> None:
        port, fake = self.open(write_timeout=0.1)
        fake.error = TimeoutError("late")
        with self.assertRaises(serial.SerialTimeoutException):
            port.write(b"x")

    def test_errors_are_pyserials_and_pythons(self) -> None:
        port, fake = self.open()
        for problem in (PermissionError("no"), FileNotFoundError("gone"), OSError("else")):
            fake.error = problem
            with self.assertRaises(serial.SerialException) as caught:
                port.read()
            self.assertIsInstance(caught.exception, type(problem))
            self.assertEqual(str(caught.exception), str(problem))

    def test_closed_ports_refuse(self) -> None:
        port, fake = self.open()
        with port:
            self.assertTrue(port.is_open)
        self.assertFalse(port.is_open)
        self.assertIn(("close",), fake.log)
        for use in (port.read, lambda: port.write(b"x"), lambda: port.in_waiting, port.reset_input_buffer):
            with self.assertRaises(serial.PortNotOpenError):
                use()

    def test_a_change_of_settings_reaches_the_port(self) -> None:
        port, fake = self.open()
        port.baudrate = 115200
        self.assertEqual(fake.log[-1], ("configure", (115200, 8, "N", 1, False, False)))
        port.baudrate = 115200
        self.assertEqual(len(fake.log), 1)

    def test_lines_and_buffers(self) -> None:
        port, fake = self.open(b"old")
        self.assertTrue(port.cts and port.cd)
        self.assertFalse(port.dsr or port.ri)
        port.dtr = False
        self.assertEqual((port.dtr, fake.log[-1]), (False, ("set_line", "dtr", False)))
        self.assertEqual(port.in_waiting, 3)
        port.reset_input_buffer()
        self.assertEqual((fake.log[-1], port._ahead), (("clear", True), b""))

    def test_unopened(self) -> None:
        port = serial.Serial()
        self.assertFalse(port.is_open)
        with self.assertRaises(serial.SerialException):
            port.open()
        with self.assertRaises(ValueError):
            serial.Serial(nonsense=1)
        with self.assertRaises(ValueError):
            serial.serial_for_url("socket://x:1")

    def test_settings_are_kept(self) -> None:
        port, _ = self.open(baudrate=4800)
        other = serial.Serial()
        other.apply_settings(port.get_settings())
        self.assertEqual((other.baudrate, other.timeout), (4800, 1))


if __name__ == "__main__":
    unittest.main()
