# /// script
# [tool.ewh.requests]
# serial = "talks to a device that echoes lines"
# ///
"""Serial ports, blocking and with asyncio. At the other end of "bench" a device echoes what it gets."""

import asyncio

import serial
import serial.tools.list_ports
import serial_asyncio

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Checks(FuncNodesExternalWorker):
    NODECLASSID = "serial_checks"
    LOOP_DELAY = 0.02

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turns = 0

    async def loop(self):
        self.turns += 1

    @instance_nodefunction()
    def blocking(self) -> dict:
        found = {"ports": [port.device for port in serial.tools.list_ports.comports()]}
        with serial.Serial("bench", 9600, timeout=1) as port:
            found["written"] = port.write(b"one\ntwo\nthree")
            port.flush()
            found["line"] = port.readline().decode()
            found["until"] = port.read_until(b"o").decode()
            found["rest"] = port.read(1).decode()
            port.timeout = 0.05
            found["short"] = port.read(100).decode()
            found["waiting"] = port.in_waiting
            port.write(b"gone")
            port.reset_input_buffer()
            port.baudrate = 19200
            found["rate"] = port.baudrate
            before = self.turns
            port.timeout = 0.5
            found["nothing"] = port.read(1).decode()[:0]
            found["turns meanwhile"] = self.turns - before
        found["closed"] = not port.is_open
        try:
            port.read()
        except serial.SerialException as problem:
            found["after"] = str(problem)
        return found

    @instance_nodefunction()
    def denied(self) -> str:
        try:
            serial.Serial("nowhere")
        except serial.SerialException as problem:
            return f"{isinstance(problem, PermissionError)} {problem}"
        return "?"

    @instance_nodefunction()
    def hangs(self) -> str:
        with serial.Serial("bench") as port:
            return port.read(1000).decode()

    @instance_nodefunction()
    async def streams(self) -> dict:
        found = {}
        for _ in range(3):
            reader, writer = await serial_asyncio.open_serial_connection(url="bench", baudrate=9600)
            writer.write(b"hello\n")
            await writer.drain()
            found["line"] = (await asyncio.wait_for(reader.readline(), 1)).decode()
            try:
                await asyncio.wait_for(reader.readline(), 0.05)
            except TimeoutError:
                found["timeout"] = True
            writer.write(b"again\n")
            found["again"] = (await asyncio.wait_for(reader.readline(), 1)).decode()
            writer.close()
            await writer.wait_closed()
        return found
