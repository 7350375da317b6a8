"""Builds the package by maturin, with the command ``ewh`` in it: one ``pip wheel .`` makes both.

``EWH_PROFILE`` names the profile of cargo, by default ``release``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import maturin

_HERE = Path(__file__).resolve().parent.parent
_WORKSPACE = _HERE.parent.parent
_PLACE = _HERE / "python" / "external_worker_host" / "bin" / "ewh"
_PROFILE = os.environ.get("EWH_PROFILE", "release")

get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_editable = maturin.get_requires_for_build_editable
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = maturin.prepare_metadata_for_build_editable


def _with_command() -> None:
    """Builds ``ewh`` and puts it where the package has it."""
    cargo = os.environ.get("CARGO", "cargo")
    # Without its package: what the whole workspace was built with is not built again with other features.
    build = [cargo, "build", "--profile", _PROFILE, "--bin", "ewh"]
    subprocess.run(build, cwd=_WORKSPACE, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", _WORKSPACE / "target"))
    built = target / ("debug" if _PROFILE == "dev" else _PROFILE) / "ewh"
    _PLACE.parent.mkdir(exist_ok=True)
    # Not over one that may be running.
    _PLACE.unlink(missing_ok=True)
    shutil.copy(built, _PLACE)
    strip = shutil.which("strip")
    if strip is not None:
        subprocess.run([strip, _PLACE], check=True)
    os.environ["MATURIN_PEP517_ARGS"] = f"--profile {_PROFILE}"


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """The wheel, with the command."""
    _with_command()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """What an editable installation needs, with the command."""
    _with_command()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)
