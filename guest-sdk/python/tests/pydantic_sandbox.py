"""Runs the suite of `test_pydantic.py` inside of the sandbox: `pydantic_sandbox.py --ewh PROGRAM [--python RUNTIME]`.

The suite becomes a package with a worker, whose node runs it. Which pydantic that is, the runtime decides.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile
import zipfile

_MODULES = ("pydantic_cases.py", "pydantic_models.py", "test_pydantic.py")
_WORKER = '''
from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker

import test_pydantic


class Suite(FuncNodesExternalWorker):
    NODECLASSID = "pydantic_suite"

    async def loop(self):
        ...

    @instance_nodefunction()
    def run(self) -> str:
        ran, failed = test_pydantic.results()
        return "\\n".join([f"{ran} tests, {len(failed)} failures, pydantic {test_pydantic.pydantic.VERSION}", *failed])
'''


def wheel(folder: pathlib.Path) -> pathlib.Path:
    """The package."""
    path = folder / "pydantic_suite-1-py3-none-any.whl"
    here = pathlib.Path(__file__).parent
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for module in _MODULES:
            archive.write(here / module, module)
        archive.writestr("pydantic_suite.py", _WORKER)
        about = "pydantic_suite-1.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: pydantic-suite\nVersion: 1\n")
        archive.writestr(f"{about}/entry_points.txt", "[funcnodes.module]\nmodule = pydantic_suite\n")
    return path


def main() -> int:
    """Runs it; 0, if nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ewh", type=pathlib.Path, required=True, help="the program ewh")
    parser.add_argument("--python", type=pathlib.Path, help="the runtime; the prepared one, if not said")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        command = [arguments.ewh, "run", wheel(pathlib.Path(name)), "--no-loop", "--call", "run"]
        if arguments.python:
            command += ["--python", arguments.python]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout.replace("\\n", "\n"))
    return 0 if done.returncode == 0 and " tests, 0 failures" in done.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
