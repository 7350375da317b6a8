"""The runtime: what componentize-py makes a component of. It is imported while the component is made, and what it
imports is in the component's memory from then on."""

import gc
import inspect
import re
import sys

import wit_world
from wit_world.imports import program, timer

from external_worker._runtime import tls

tls.install()  # Before anything looks for `ssl` and does without.

from external_worker._runtime import exports, loop, pauses, stdlib  # noqa: E402
from external_worker._runtime.exports import State, Worker  # noqa: E402

# The bindings know the kind of their byte streams by a number, which only their source says.
_KIND = re.search(r"stream_new\((\d+)\)", inspect.getsource(wit_world.byte_stream))
assert _KIND is not None
pauses.install()
exports.install(loop.install(timer.sleep, int(_KIND.group(1)), program.granted))

# What workers usually need: importing it later would cost each instance its own copy.
import abc, array, base64, bisect, collections, contextlib, copy, csv, dataclasses, datetime, decimal  # noqa: E401, E402, F401
import enum, fractions, functools, hashlib, heapq, hmac, io, itertools, json, logging, math, operator  # noqa: E401, E402, F401
import os, pathlib, queue, random, secrets, socket, statistics, string, struct, tempfile, textwrap  # noqa: E401, E402, F401
import threading, time, traceback, typing, urllib.parse, urllib.request, uuid, warnings, weakref, zlib  # noqa: E401, E402, F401
import annotationlib, funcnodes, pydantic_snapshot, importlib.metadata, importlib.resources  # noqa: E401, E402, F401

# What reaches the host when a worker asks for it.
import serial.serialutil, serial.tools.list_ports, serial_asyncio  # noqa: E401, E402, F401
from external_worker import http  # noqa: E402, F401
from external_worker._runtime import clients, ports, serial_streams, tcp, udp  # noqa: E402

clients.install()

pydantic_snapshot.warm()
stdlib.embed()
stdlib.embed(pydantic_snapshot.FOLDER)
sys.path[:] = ["/lib"]

__all__ = ["State", "Worker"]

# What is in the snapshot is never looked at by the collector again, so that its pages stay shared.
gc.collect()
gc.freeze()
