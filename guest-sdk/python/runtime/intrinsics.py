"""The canonical built-ins that componentize-py leaves out, as a C extension of a few hundred bytes.

componentize-py lets Python join waitables to a set and return to the host until one of them is ready. It cannot
wait inside of a call, so nothing that blocks (`serial.Serial.read`, `requests.get`) could be written over imports
that wait; and it cannot cancel, so a timer that nobody waits for any more would keep its room in the host until it
is due, and a connection could not be closed while it is read. The component model has all of it as built-ins. This
module writes a shared library with a Python module around them, `_ewh_intrinsics`, which componentize-py links as
it links any other extension. It is written here byte by byte, so that building the runtime needs no compiler.

`wit-component`, as componentize-py 0.25.1 has it, miscounts its functions when `subtask.cancel` is imported. So the
library imports the same function of `stream` instead, which nothing else in the runtime uses, and `patch` puts
`subtask.cancel` in its place when the component is made.
"""

from __future__ import annotations

import struct
from pathlib import Path

NAME = "_ewh_intrinsics"
FILE = f"{NAME}.cpython-314-wasm32-wasi.so"

_I32 = 0x7F
_METH_O = 8
_PYTHON_API_VERSION = 1013

# Types of functions, by their index: what they take and return.
_TYPES = [((_I32,), (_I32,)), ((_I32, _I32), (_I32,)), ((), (_I32,))]
_ONE_TO_ONE, _TWO_TO_ONE, _NONE_TO_ONE = range(3)

_SOCKETS = "wasi:sockets/types@0.3.0"
# Imported functions, by their index. The built-ins of streams are named after a function that has such a stream.
_IMPORTS = [
    ("$root", "[waitable-set-wait]", _TWO_TO_ONE),
    ("$root", "[waitable-set-poll]", _TWO_TO_ONE),
    ("$root", "[stream-cancel-read-unit]", _ONE_TO_ONE),
    (_SOCKETS, "[stream-cancel-read-0][method]tcp-socket.receive", _ONE_TO_ONE),
    (_SOCKETS, "[stream-cancel-write-0][method]tcp-socket.send", _ONE_TO_ONE),
    (_SOCKETS, "[stream-cancel-read-0][method]tcp-socket.listen", _ONE_TO_ONE),
    ("env", "PyLong_AsUnsignedLongMask", _ONE_TO_ONE),
    ("env", "PyLong_FromUnsignedLong", _ONE_TO_ONE),
    ("env", "PyBytes_FromStringAndSize", _TWO_TO_ONE),
    ("env", "PyModule_Create2", _TWO_TO_ONE),
]
(_WAIT, _POLL), _CANCELS, (_AS_U32, _FROM_U32, _BYTES, _CREATE) = range(2), range(2, 6), range(6, len(_IMPORTS))
_METHODS = ("wait", "poll", "cancel", "cancel_read", "cancel_write", "cancel_accept")

# The module's memory: an event (12 bytes, room for 16), the module's definition, its methods, their names.
_EVENT, _DEFINITION = 0, 16
_TABLE = _DEFINITION + 52


def _leb(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _signed(number: int) -> bytes:
    out = bytearray()
    while True:
        low = number & 0x7F
        number >>= 7
        done = number == (-1 if low & 0x40 else 0)
        out.append(low | (0 if done else 0x80))
        if done:
            return bytes(out)


def _text(text: str) -> bytes:
    return _leb(len(text.encode())) + text.encode()


def _list(parts: list[bytes]) -> bytes:
    return _leb(len(parts)) + b"".join(parts)


def _section(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _leb(len(body)) + body


# -- instructions

_MEMORY_BASE, _TABLE_BASE = 0, 1  # imported globals


def _const(number: int) -> bytes:
    return b"\x41" + _signed(number)


def _at(offset: int) -> bytes:
    """The address of something in the module's memory."""
    return b"\x23" + _leb(_MEMORY_BASE) + _const(offset) + b"\x6a"


def _call(function: int) -> bytes:
    return b"\x10" + _leb(function)


def _store(offset: int, value: bytes) -> bytes:
    return _at(offset) + value + b"\x36\x02\x00"


def _body(code: bytes) -> bytes:
    whole = b"\x00" + code + b"\x0b"
    return _leb(len(whole)) + whole


_ARGUMENT = b"\x20\x01" + _call(_AS_U32)  # local 1: the one argument of a method


def _event(function: int) -> bytes:
    """`bytes` of what happened, of which waitable, and how: three words."""
    happened = _ARGUMENT + _at(_EVENT + 4) + _call(function)
    return _body(_store(_EVENT, happened) + _at(_EVENT) + _const(12) + _call(_BYTES))


def _initialize(names: dict[str, int]) -> bytes:
    """`PyInit_…`: puts the addresses where the definition wants them, and makes the module."""
    code = _store(_DEFINITION + 20, _at(names[NAME])) + _store(_DEFINITION + 32, _at(_TABLE))
    for at, method in enumerate(_METHODS):
        entry = _TABLE + 16 * at
        pointer = b"\x23" + _leb(_TABLE_BASE) + _const(at) + b"\x6a"
        code += _store(entry, _at(names[method])) + _store(entry + 4, pointer)
    return _body(code + _at(_DEFINITION) + _const(_PYTHON_API_VERSION) + _call(_CREATE))


def _data() -> tuple[bytes, dict[str, int]]:
    definition = bytearray(52)
    struct.pack_into("<i", definition, 28, -1)  # m_size: no state of its own
    table = b"".join(struct.pack("<IIiI", 0, 0, _METH_O, 0) for _ in _METHODS) + bytes(16)
    data, names = bytearray(16) + definition + table, {}
    for name in (NAME, *_METHODS):
        names[name] = len(data)
        data += name.encode() + b"\0"
    return bytes(data), names


def library() -> bytes:
    """The shared library."""
    data, names = _data()
    first = len(_IMPORTS)
    memory_info = _leb(len(data)) + _leb(4) + _leb(len(_METHODS)) + _leb(0)
    imports = [
        _text("env") + _text("memory") + b"\x02\x00\x01",
        _text("env") + _text("__indirect_function_table") + b"\x01\x70\x00" + _leb(len(_METHODS)),
        _text("env") + _text("__memory_base") + b"\x03\x7f\x00",
        _text("env") + _text("__table_base") + b"\x03\x7f\x00",
    ] + [_text(module) + _text(name) + b"\x00" + _leb(kind) for module, name, kind in _IMPORTS]
    types = [
        b"\x60" + _list([bytes([one]) for one in takes]) + _list([bytes([one]) for one in gives])
        for takes, gives in _TYPES
    ]
    functions = [_TWO_TO_ONE] * len(_METHODS) + [_NONE_TO_ONE]
    elements = b"\x00\x23" + _leb(_TABLE_BASE) + b"\x0b" + _list([_leb(first + at) for at in range(len(_METHODS))])
    cancels = [_body(_ARGUMENT + _call(one) + _call(_FROM_U32)) for one in _CANCELS]
    code = [_event(_WAIT), _event(_POLL), *cancels, _initialize(names)]
    return b"\0asm\1\0\0\0" + b"".join([
        _section(0, _text("dylink.0") + _section(1, memory_info)),
        _section(1, _list(types)),
        _section(2, _list(imports)),
        _section(3, _list([_leb(kind) for kind in functions])),
        _section(7, _list([_text(f"PyInit_{NAME}") + b"\x00" + _leb(first + len(_METHODS))])),
        _section(9, _list([elements])),
        _section(10, _list(code)),
        _section(11, _list([b"\x00\x23" + _leb(_MEMORY_BASE) + b"\x0b" + _leb(len(data)) + data])),
    ])


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


_TYPES_OF_COMPONENT, _CANONICAL = 7, 8  # sections of a component
_UNIT_STREAM = b"\x01\x66\x00"  # a section of types with one: `stream`
_STREAM_CANCEL_READ, _SUBTASK_CANCEL = 0x11, 0x06


def patch(component: bytes) -> bytes:
    """Puts `subtask.cancel` in the place of the function that stands in for it: it is in a section of its own, after
    the type that only it has."""
    at, found, before = 8, [], b""
    while at < len(component):
        length, begin = _number(component, at + 1)
        stands_in = component[at] == _CANONICAL and component[begin : begin + 2] == bytes([1, _STREAM_CANCEL_READ])
        if stands_in and before == _section(_TYPES_OF_COMPONENT, _UNIT_STREAM):
            found.append((at, begin + length))
        before = component[at : min(begin + length, at + 16)]
        at = begin + length
    if len(found) != 1:
        raise ValueError(f"expected one place for subtask.cancel and found {len(found)}: is this componentize-py 0.25.1?")
    begin, end = found[0]
    return component[:begin] + _section(_CANONICAL, bytes([1, _SUBTASK_CANCEL, 0])) + component[end:]


def write(folder: Path) -> None:
    """Puts the library into a folder for componentize-py's `-p`."""
    (folder / FILE).write_bytes(library())


def patch_file(file: Path) -> None:
    """Patches a component in place."""
    file.write_bytes(patch(file.read_bytes()))
