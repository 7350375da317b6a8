"""Builds the runtime: `build.py --wit DIR --sdk DIR --componentize PROGRAM --pydantic DIR --out FILE`.

Needs nothing but Python's own library, and componentize-py.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile

import intrinsics

_WORLD = "external-worker-runtime"
# Two packages of the world have an interface of this name.
_NAMES = "funcnodes:external-worker/types@0.2.0=types"


def main() -> int:
    """Runs componentize-py."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("wit", "sdk", "componentize", "pydantic", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        native = pathlib.Path(folder)
        intrinsics.write(native)
        code = _componentize(arguments, native)
    if code == 0:
        intrinsics.patch_file(arguments.out)
    return code


def _componentize(arguments: argparse.Namespace, native: pathlib.Path) -> int:
    command = [
        arguments.componentize,
        *("-q", "-d", arguments.wit, "-w", _WORLD, "--import-interface-name", _NAMES),
        *("componentize", "app", "-o", arguments.out),
        *("-p", arguments.sdk / "runtime", "-p", arguments.sdk / "src", "-p", arguments.pydantic),
        *("-p", native),
    ]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
