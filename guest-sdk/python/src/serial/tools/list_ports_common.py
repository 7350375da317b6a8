"""What `comports` lists."""

from __future__ import annotations

from typing import Any


class ListPortInfo:
    """A port. `device` is the name by which the operator granted it; nothing is told about what is behind it."""

    def __init__(self, device: str, baudrates: list[int] | None = None) -> None:
        self.device = self.name = device
        self.description, self.hwid = device, "n/a"
        self.vid = self.pid = self.serial_number = self.location = None
        self.manufacturer = self.product = self.interface = None
        self.baudrates = baudrates or []

    def __getitem__(self, index: int) -> str:
        return (self.device, self.description, self.hwid)[index]

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, ListPortInfo) and self.device == other.device

    def __hash__(self) -> int:
        return hash(self.device)

    def __lt__(self, other: ListPortInfo) -> bool:
        return self.device < other.device

    def __str__(self) -> str:
        return f"{self.device} - {self.description}"
