"""Runs the same cases, on the same workers in Python, against FuncNodes and `ewh serve`.

One line for each case and peer, and the sum. A case that fails on a peer has to be in `differences.py`, with what it
was seen to do, and fail so; everything else is unexpected.
"""

import asyncio
import fnmatch
import importlib
import os
import pathlib
import sys
import time
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from differences import DIFFERENCES, Difference  # noqa: E402
from peers import arguments  # noqa: E402
from suite import Case, Theme  # noqa: E402
from worker import Worker, running  # noqa: E402

CASE_S = 90.0
NAMES = {"python": "FuncNodes", "ewh": "here"}


def themes() -> list[Theme]:
    """Every file in `cases`, in the order of their names."""
    names = sorted(path.stem for path in (HERE / "cases").glob("[a-z]*.py"))
    return [importlib.import_module(f"cases.{name}").theme for name in names]


class Report:
    """What came of the cases."""

    def __init__(self) -> None:
        self.passed = {"python": 0, "ewh": 0}
        self.differ: set[str] = set()
        self.unexpected: list[str] = []

    def take(self, kind: str, case: Case, problem: str | None, seconds: float) -> None:
        """Counts and prints one case on one peer."""
        known = DIFFERENCES.get(case.name)
        known = known if known is not None and known.peer == kind else None
        if problem is None and known is None:
            verdict, more = "ok", ""
            self.passed[kind] += 1
        elif problem is not None and known is not None and known.seen in problem:
            verdict, more = "differs", f" (section 5: {known.line}: {problem})"
            self.differ.add(case.name)
        else:
            verdict = "UNEXPECTED"
            more = f": {problem or 'it does as the seed says, and differences.py says that it does not'}"
            self.unexpected.append(f"{NAMES[kind]}: {case.name}{more}")
        print(f"{verdict:10} {NAMES[kind]:9} {case.name} {seconds:.2f} s{more}", flush=True)


async def tell(kind: str, options: Any, chosen: list[Theme], report: Report) -> None:
    """Runs all cases on one peer."""
    for theme in chosen:
        try:
            async with running(kind, options, theme.scripts, local=theme.local) as worker:
                for case in theme.cases:
                    await one(kind, case, worker, report)
        except Exception as problem:
            report.unexpected.append(f"{NAMES[kind]}: {theme.name}: {problem!r}")
            print(f"UNEXPECTED {NAMES[kind]} {theme.name}: {problem!r}", flush=True)


async def one(kind: str, case: Case, worker: Worker, report: Report) -> None:
    begin, problem = time.monotonic(), None
    try:
        await asyncio.wait_for(case.function(worker), CASE_S)
    except Exception as failure:
        problem = str(failure) if isinstance(failure, AssertionError) else repr(failure)
    report.take(kind, case, problem, time.monotonic() - begin)


def chosen(pattern: str) -> list[Theme]:
    """The themes with only the cases that are asked for."""
    found = []
    for theme in themes():
        cases = [case for case in theme.cases if fnmatch.fnmatchcase(case.name, pattern)]
        if cases:
            theme.cases = cases
            found.append(theme)
    return found


async def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--peers", default="python,ewh", help="which, separated by commas")
    parser.add_argument("--cases", default="*", help="only those whose `theme.name` is like this")
    parser.add_argument("--python-runtime", help="the runtime component, if not the one that `ewh` finds")
    options = parser.parse_args()
    if options.python_runtime:
        os.environ["EWH_PYTHON"] = options.python_runtime
    everything = chosen(options.cases)
    report = Report()
    kinds = options.peers.split(",")
    # FuncNodes looks at its folder every 5 s: that is waited for beside the rest.
    halves = [[theme for theme in everything if theme.local is local] for local in (True, False)]
    await asyncio.gather(*(tell(kind, options, half, report) for kind in kinds for half in halves))
    cases = [case.name for theme in everything for case in theme.cases]
    if options.cases == "*":
        stale = [name for name in DIFFERENCES if name not in cases]
        report.unexpected += [f"differences.py: there is no case {name}" for name in stale]
    for line in report.unexpected:
        print(f"unexpected: {line}")
    passed = report.passed
    print(
        f"{len(cases)} cases, {passed['python']} on FuncNodes, {passed['ewh']} here, "
        f"{len(report.differ)} differences of section 5, {len(report.unexpected)} unexpected"
    )
    return 1 if report.unexpected else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
