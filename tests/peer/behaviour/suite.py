"""The cases: functions that take a Worker, in themes that share one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Function = Callable[[Any], Awaitable[None]]


@dataclass
class Theme:
    """Cases that share a Worker with these scripts."""

    name: str
    scripts: list[str]
    local: bool = False
    """Whether FuncNodes, too, gets the scripts as files of its folder, not as modules."""
    cases: list["Case"] = field(default_factory=list)

    def case(self, function: Function) -> Function:
        """Makes a case of a function. Its name and its docstring say what holds."""
        self.cases.append(Case(self, function))
        return function


@dataclass
class Case:
    """One statement, and the function that shows it."""

    theme: Theme
    function: Function

    @property
    def name(self) -> str:
        return f"{self.theme.name}.{self.function.__name__}"
