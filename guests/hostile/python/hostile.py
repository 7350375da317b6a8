"""Attacks on the host by a worker in Python that was granted nothing, a function each.

The table of `tests/hostile` says what the host does about each.
"""

import asyncio
import builtins
import gc
import json
import os
import re
import sys
import zlib

from funcnodes_core import Shelf, instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


class Config(ExternalWorkerConfig):
    attack: str = ""
    changed: bool = False


# Of the processor


def spin(_):
    while True:
        pass


def spin_and_catch(_):
    while True:
        try:
            raise ValueError
        except BaseException:
            continue


def spin_in_finally(_):
    try:
        raise ValueError
    finally:
        while True:
            pass


def spin_in_del(_):
    class Spins:
        def __del__(self):
            while True:
                pass

    Spins()


def regex(_):
    return str(re.match(r"(a+)+$", "a" * 64 + "b"))


def power(_):
    return str(len(str(9**9**9)))


def digits(_):
    sys.set_int_max_str_digits(0)
    return str(len(str(1 << 40_000_000)))


async def swallows_cancellation(_):
    while True:
        try:
            await asyncio.sleep(0.05)
        except BaseException:
            pass


async def tasks(_):
    async def forever():
        await asyncio.Event().wait()

    kept = [asyncio.ensure_future(forever()) for _ in range(1_000_000)]
    return str(len(kept))


async def timers(_):
    loop = asyncio.get_running_loop()
    for at in range(1_000_000):
        loop.call_later(3600 + at, print)
    return "set"


async def sleeps(_):
    await asyncio.gather(*(asyncio.sleep(3600 + at) for at in range(100_000)))


# Of the stack


def recursion(_):
    return recursion(_)


def recursion_without_limit(_):
    sys.setrecursionlimit(2**31 - 1)
    return recursion(_)


def recursion_in_repr(_):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return repr(nested)


def recursion_in_compiler(_):
    return str(eval("(" * 50_000 + ")" * 50_000))


def recursion_in_json(_):
    return str(json.loads("[" * 1_000_000))


# Of memory


def lists(_):
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def text(_):
    return "x" * (1 << 40)


def inflates(_):
    return str(len(zlib.decompress(zlib.compress(bytes(1 << 24)) * 1) * 64))


def cycles(_):
    gc.disable()

    class Node:
        pass

    while True:
        one, other = Node(), Node()
        one.other, other.one = other, one
        one.weight = bytearray(4096)


def resurrects(_):
    kept = []

    class Undead:
        def __del__(self):
            kept.append(self)

    while True:
        Undead()


def catches_memory(_):
    while True:
        try:
            lists(_)
        except MemoryError:
            pass


# Ways out


def shell(_):
    return str(os.system("id"))


def process(_):
    import subprocess

    return subprocess.check_output(["id"]).decode()


def fork(_):
    return str(os.fork())


def thread(_):
    import threading

    threading.Thread(target=print).start()
    return "started"


def pool(_):
    import multiprocessing

    return str(multiprocessing.Process(target=print).start())


def machine_code(_):
    import ctypes

    return str(ctypes.CDLL(None))


def pickle(_):
    import pickle as pickles

    return str(pickles.loads(b"cposix\nsystem\n(S'id'\ntR."))


def reads(_):
    with open("/etc/passwd") as file:
        return file.read()


def lists_root(_):
    return str(os.listdir("/"))


def writes(_):
    with open("/tmp/owned", "w") as file:
        return str(file.write("owned"))


def environment(_):
    return str(dict(os.environ))


def connects(_):
    import socket

    with socket.create_connection(("127.0.0.1", 80), 1):
        return "connected"


async def connects_later(_):
    await asyncio.open_connection("127.0.0.1", 80)
    return "connected"


def resolves(_):
    import socket

    return str(socket.getaddrinfo("example.org", 80))


def fetches(_):
    import urllib.request

    return urllib.request.urlopen("http://127.0.0.1:80/").read().decode()


def listens(_):
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname())


def secret(_):
    import secrets

    return secrets.token_hex()


def secret_by_uuid(_):
    import uuid

    return str(uuid.uuid4())


# The end


def exits(_):
    sys.exit(0)


def exits_at_once(_):
    os._exit(0)


def aborts(_):
    os.abort()


def interrupts(_):
    raise KeyboardInterrupt


# What it stands on


def patches_builtins(_):
    for name in ("len", "isinstance", "dict", "str", "print"):
        setattr(builtins, name, None)
    return "patched"


def patches_runtime(_):
    from external_worker._runtime import exports

    exports._instance.methods = None
    exports.failure = None
    return "patched"


def closes_loop(_):
    loop = asyncio.get_running_loop()
    loop._ready.clear()
    loop.stop()
    return "stopped"


def drops_modules(_):
    sys.modules.clear()
    return "dropped"


# What it says


def escapes(_):
    raise ValueError("\x1b[2Jall is well\n\x1b]0;owned\x07")


def huge(_):
    return "x" * (4 << 20)


def circular(worker):
    loop = []
    loop.append(loop)
    worker.emit("loop", {"loop": loop})
    return "emitted"


def not_a_number(worker):
    worker.emit("nan", {"x": float("nan")})
    return "emitted"


def emits(worker):
    for at in range(100_000):
        worker.emit("event", {"at": at})
    return "emitted"


def prints(_):
    print("x" * (16 << 20))
    return "printed"


HOOKS = {"loop_spins", "update_spins", "stop_spins", "shelf_spins", "shelf_lies"}


class Hostile(FuncNodesExternalWorker):
    NODECLASSID = "hostile"
    config_cls = Config

    async def loop(self):
        if self.config.attack == "loop_spins":
            spin(self)
        self.pause()

    def post_config_update(self):
        if self.config.changed and self.config.attack == "update_spins":
            spin(self)

    def cleanup(self):
        if self.config.attack == "stop_spins":
            spin(self)

    def get_nodeshelf(self):
        if self.config.attack == "shelf_spins":
            spin(self)
        if self.config.attack == "shelf_lies":
            inner = Shelf("loop")
            inner.add_subshelf(inner)
            return inner
        return None

    @instance_nodefunction()
    async def attack(self, to: str) -> str:
        if self.config.attack in HOOKS:
            return "nothing"
        done = globals()[self.config.attack](self)
        return str(await done if asyncio.iscoroutine(done) else done)

    @instance_nodefunction()
    def ping(self) -> bool:
        return True
