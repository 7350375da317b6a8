"""A peristaltic pump on a serial line: what must not go on turning when nobody looks after it any more.

A call that pumps switches the pump off on its way out, and so does the worker when it stops. What the pump does is
shown in the inputs of the nodes that command it, without triggering them.
"""

# /// script
# requires-python = ">=3.14"
#
# [tool.ewh]
# version = "1.0.0"
#
# [tool.ewh.requests]
# serial = "commands the pump"
# ///

import asyncio
import enum

import serial.tools.list_ports
import serial_asyncio
from pydantic import Field

from external_worker import Call, Trigger
from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker

ANSWERS_S = 1.0
"""How long the pump may take to answer: a line takes a sixth of a second."""
LATE_LINES = 4
"""Lines that may come before the answer: those to commands that were given up."""
STEP_S = 0.25
LONGEST_S = 540.0


class Direction(enum.Enum):
    CLOCKWISE = "CW"
    COUNTERCLOCKWISE = "CCW"


class PumpConfig(ExternalWorkerConfig):
    parity: str = Field(default="even", pattern="^(even|none)$", description="even, as the pump has it, or none.")
    tries: int = Field(
        default=3, ge=1, le=60, description="Times that it is tried to switch the pump off: as many as there is time for."
    )


def checksum(text: str) -> str:
    """Each byte is added after what there is was turned by a bit."""
    total = 0
    for byte in text.encode():
        total = ((total << 1 | total >> 7) + byte) & 0xFF
    return f"{total:02X}"


class Pump(FuncNodesExternalWorker):
    NODECLASSID = "pump"
    NAME = "Peristaltic pump"
    config_cls = PumpConfig

    def __init__(self, *args, **kwargs):
        self.port = None
        self.line = None
        self.free = asyncio.Lock()
        self.turning = None
        self.offered = None
        super().__init__(*args, **kwargs)

    async def setup(self):
        self.offer_ports()

    async def loop(self):
        self.offer_ports()
        if self.port is not None:
            await self.read()

    def post_config_update(self):
        """The next command opens the port as the configuration now says."""
        self.hang_up()

    async def stop(self):
        """Whatever switched it on, it is switched off."""
        if self.port is not None:
            await self.halt()
        await super().stop()

    @instance_nodefunction(default_io_options={"port": {"does_trigger": False, "value_options": {"options": []}}})
    async def connect(self, port: str):
        """Opens a port."""
        async with self.free:
            self.hang_up()
            self.port = port
            await self.open()
        await self.read()

    @instance_nodefunction(default_io_options={"rpm": {"value_options": {"min": 0, "max": 300}}})
    async def set(self, on: bool = False, direction: Direction = Direction.CLOCKWISE, rpm: float = 60.0):
        """Switches the pump on or off, for as long as the worker runs."""
        await self.ask(command(on, direction, rpm))
        await self.read()

    @instance_nodefunction(
        trigger_on_call=False, outputs=[{"name": "on"}, {"name": "direction"}, {"name": "rpm"}]
    )
    def state(self) -> tuple[bool, str, float]:
        """What the pump did when it was asked last."""
        if self.turning is None:
            raise ConnectionError("the pump has not answered yet")
        return self.turning

    @instance_nodefunction(
        timeout="10min",
        default_io_options={
            "seconds": {"does_trigger": False, "value_options": {"min": 0, "max": 540}},
            "direction": {"does_trigger": False},
            "rpm": {"does_trigger": False, "value_options": {"min": 0, "max": 300}},
        },
    )
    async def pump_for(
        self, call: Call, seconds: float, direction: Direction = Direction.CLOCKWISE, rpm: float = 60.0
    ) -> float:
        """Pumps for so many seconds, and returns how many it were."""
        if not 0.0 <= seconds <= LONGEST_S:
            raise ValueError(f"seconds are between 0 and {LONGEST_S:.0f}")
        pumped = 0.0
        try:
            await self.ask(command(True, direction, rpm))
            while pumped < seconds:
                call.progress(pumped / seconds, f"{pumped:.0f} of {seconds:.0f} s")
                step = min(STEP_S, seconds - pumped)
                await asyncio.sleep(step)
                pumped += step
        finally:
            await self.halt()
        return pumped

    async def halt(self):
        """Switches the pump off, and tries again when that goes wrong."""
        for left in reversed(range(self.config.tries)):
            try:
                await self.ask("HALT")
                return
            except OSError:
                if not left:
                    raise
                await asyncio.sleep(STEP_S)

    async def read(self):
        """Asks the pump what it does, and shows that in the inputs of `set`."""
        _, on, direction, tenths = (await self.ask("STATE")).split(" ")
        turning = (on == "ON", direction, int(tenths) / 10)
        if turning == self.turning:
            return
        self.turning = turning
        for node in (*self.set.nodes(), self.set.nodeclass()):
            for name, value in zip(("on", "direction", "rpm"), turning):
                node.inputs[name].set_value(value, Trigger.NO)

    async def ask(self, text: str) -> str:
        """The answer to a command; one command at a time is on the line."""
        async with self.free:
            if self.line is None:
                await self.open()
            reader, writer = self.line
            try:
                writer.write(f"{text}*{checksum(text)}\r".encode())
                return await asyncio.wait_for(self.answer(reader, text.split(" ")[0]), ANSWERS_S)
            except OSError:
                self.hang_up()
                raise

    async def answer(self, reader: asyncio.StreamReader, word: str) -> str:
        for _ in range(LATE_LINES + 1):
            line = (await reader.readuntil(b"\r")).decode().rstrip("\r")
            text, _, total = line.rpartition("*")
            if total != checksum(text):
                raise ConnectionError(f"garbled: {line}")
            if text.split(" ")[0] == word:
                return text
        raise ConnectionError(f"no answer to {word}")

    async def open(self):
        if self.port is None:
            raise ConnectionError("no port is open: run `connect` first")
        parity = "E" if self.config.parity == "even" else "N"
        self.line = await serial_asyncio.open_serial_connection(url=self.port, baudrate=1200, parity=parity)

    def hang_up(self):
        if self.line is not None:
            self.line[1].close()
            self.line = None

    def offer_ports(self):
        """Offers the ports that are granted, to the nodes there are and to those yet to be made."""
        names = [port.device for port in serial.tools.list_ports.comports()]
        if names != self.offered:
            for node in (*self.connect.nodes(), self.connect.nodeclass()):
                node.inputs["port"].update_value_options(options=names)
            self.offered = names


def command(on: bool, direction: Direction, rpm: float) -> str:
    if not 0 <= rpm <= 300:
        raise ValueError("rpm is between 0 and 300")
    return f"RUN {direction.value} {rpm * 10:.0f}" if on else "HALT"
