"""The command ``ewh``, which is in this package: for people, and as the compiler of components."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

#: Where the package has it.
_BUNDLED = Path(__file__).with_name("bin") / "ewh"


def find() -> Path:
    """The command of this package."""
    if _BUNDLED.is_file():
        return _BUNDLED
    raise FileNotFoundError(
        f"the command `ewh` is missing from this package, at {_BUNDLED}: install the package again, "
        "or name one by Engine(compiler=…)"
    )


def main() -> NoReturn:
    """Becomes ``ewh``, with the arguments of this program."""
    command = find()
    try:
        os.execv(command, ["ewh", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"error: cannot start {command}: {error.strerror}")
