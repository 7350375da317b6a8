"""Builds the real pydantic for the runtime: `build_pydantic.py --out DIR --work DIR --componentize PROGRAM`.

Nobody publishes a pydantic-core for CPython on WebAssembly. It builds with the compiler that guests are built with, and
without a C compiler: as a static library, which is then linked as one of the shared libraries that componentize-py
takes in. `DIR` is a site-packages afterwards. All that is fetched is pinned by hash: the packages in
`requirements-pydantic.txt`, the crates in the lock file of the source package. (The program is not called after what it
builds, since this folder is on the path of the runtime, where that name is the package's.)

Needs Python's own library, pip, cargo, and either the installed target or Debian's rustc with its sources. Exits with 3
where this machine cannot build it; the small pydantic in `fallback/` is for that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

TARGET = "wasm32-wasip2"
# What componentize-py carries, and so what extension modules are for.
COMPONENTIZE, CPYTHON, SUFFIX = "0.25.1", "3.14", ".cpython-314-wasm32-wasi.so"
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements-pydantic.txt")
CORE = "pydantic-core"
# Of no use inside of the sandbox: the old pydantic, which CPython 3.14 cannot run, and plugins of other tools.
UNUSED = ("pydantic/v1", "pydantic/mypy.py", "pydantic/_hypothesis_plugin.py")
CANNOT = 3

_PYO3 = f"""implementation=CPython
version={CPYTHON}
shared=true
abi3=false
pointer_width=32
build_flags=
suppress_build_script_link_lines=true
"""
# pip asks the build backend for the metadata of what it only downloads. This one answers from what is pinned, so that
# no backend is fetched, which no hash would pin.
_BACKEND = """import os

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    folder = "pydantic_core-{version}.dist-info"
    os.mkdir(os.path.join(directory, folder))
    with open(os.path.join(directory, folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: pydantic-core\\nVersion: {version}\\n")
    return folder
"""
_WIT = "package trial:pydantic;\n\nworld trial {\n  export schema: func() -> string;\n}\n"
_APP = """import json
import pydantic
import wit_world

class Config(pydantic.BaseModel):
    interval_s: float = pydantic.Field(default=1.0, ge=0.05)

assert Config.model_validate_json('{"interval_s": "2"}').interval_s == 2.0

class WitWorld(wit_world.WitWorld):
    def schema(self) -> str:
        return json.dumps(Config.model_json_schema())
"""


class BuildError(Exception):
    """What went wrong, for people."""


class CannotBuild(BuildError):
    """This machine has not got what it takes."""


class Toolchain(NamedTuple):
    """A compiler for the target."""

    rustc: str
    version: str
    linker: pathlib.Path
    builds_std: bool

    def describe(self) -> str:
        """One line for people."""
        std = "std built from source" if self.builds_std else "std installed"
        return f"{TARGET}: {self.version.splitlines()[0]}, {std}"


class Report:
    """Says what is being done, and in the end how long it took."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, float]] = []
        self._started = time.monotonic()

    def step(self, what: str) -> None:
        """Begins a step."""
        print(f"{what} …", file=sys.stderr, flush=True)
        self._steps.append((what, time.monotonic()))

    def finish(self, sizes: dict[str, int]) -> None:
        """Times and sizes."""
        ends = [started for _, started in self._steps[1:]] + [time.monotonic()]
        for (what, started), end in zip(self._steps, ends, strict=True):
            print(f"{end - started:8.1f} s  {what}", file=sys.stderr)
        print(f"{ends[-1] - self._started:8.1f} s  together", file=sys.stderr)
        for what, size in sizes.items():
            print(f"{size / 1e6:8.1f} MB {what}", file=sys.stderr)


def run(command: Sequence[str | pathlib.Path], what: str, **words: object) -> str:
    """Runs a command; what it printed, or an error with the end of that."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            capture_output=True,
            text=True,
            **words,  # type: ignore[call-overload]
        )
    except OSError as error:
        raise BuildError(f"{what} failed: {error}") from None
    if done.returncode:
        end = "\n".join((done.stderr or done.stdout).strip().splitlines()[-25:])
        raise BuildError(f"{what} failed ({command[0]} exited with {done.returncode}):\n{end}")
    return str(done.stdout)


# ---------------------------------------------------------------- the toolchain


def find_toolchain(choice: str) -> Toolchain:
    """The installed target, or else the system's compiler with its sources."""
    if not shutil.which("cargo"):
        raise CannotBuild("there is no cargo on the path")
    tried = []
    for name, find in (("rustup", _installed), ("debian", _debian)):
        if choice in ("auto", name):
            found = find()
            if isinstance(found, Toolchain):
                return found
            tried.append(found)
    raise CannotBuild(
        f"nothing here compiles for {TARGET}: {'; '.join(tried)}. Either type `rustup target add {TARGET}`, or"
        " `apt-get install rustc-web rust-web-src`"
    )


def _installed() -> Toolchain | str:
    if not shutil.which("rustc"):
        return "there is no rustc on the path"
    version = run(["rustc", "-vV"], "asking rustc for its version")
    libdir = pathlib.Path(run(["rustc", "--print=target-libdir", "--target", TARGET], "asking rustc").strip())
    if not any(libdir.glob("libstd-*.rlib")):
        return f"the target is not installed for {version.splitlines()[0]}"
    return _with_linker("rustc", version, builds_std=False)


def _debian() -> Toolchain | str:
    rustc = "/usr/bin/rustc"
    if not os.access(rustc, os.X_OK):
        return "there is no rustc in /usr/bin that could build std"
    version = run([rustc, "-vV"], "asking the system's rustc for its version")
    sysroot = pathlib.Path(run([rustc, "--print=sysroot"], "asking the system's rustc").strip())
    if not (sysroot / "lib/rustlib/src/rust/library/std/Cargo.toml").is_file():
        return "the sources of the system's rustc are not installed"
    return _with_linker(rustc, version, builds_std=True)


def _with_linker(rustc: str, version: str, *, builds_std: bool) -> Toolchain | str:
    candidates = []
    # The compiler's own linker knows what it emits; that of another compiler, or the system's, mostly does.
    for other in dict.fromkeys((rustc, "rustc")):
        if shutil.which(other):
            sysroot = run([other, "--print=sysroot"], "asking rustc").strip()
            host = next(line for line in version.splitlines() if line.startswith("host: "))[6:]
            candidates.append(pathlib.Path(sysroot, "lib/rustlib", host, "bin/gcc-ld/wasm-ld"))
    candidates += [pathlib.Path(found) for found in [shutil.which("wasm-ld")] if found]
    for candidate in candidates:
        if candidate.is_file():
            return Toolchain(rustc, version, candidate, builds_std)
    return "there is no wasm-ld (rustup's compilers have one, and so has Debian's package lld)"


# ---------------------------------------------------------------- what is fetched


def pinned() -> dict[str, str]:
    """The version of each package in the requirements."""
    lines = (line.split()[0] for line in REQUIREMENTS.read_text().splitlines() if "==" in line)
    return dict(line.split("==") for line in lines)


def download(work: pathlib.Path) -> pathlib.Path:
    """Fetches the packages; pip checks their hashes."""
    folder, backend = work / "download", work / "backend"
    backend.joinpath("maturin").mkdir(parents=True, exist_ok=True)
    backend.joinpath("maturin/__init__.py").write_text(_BACKEND.format(version=pinned()[CORE]))
    others = ",".join(name for name in pinned() if name != CORE)
    choice = ("--no-binary", CORE, "--only-binary", others)
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--no-build-isolation", *choice, "-d", str(folder), "-r", str(REQUIREMENTS)]
    try:
        run(command, "fetching the packages", env={**os.environ, "PYTHONPATH": str(backend)})
    except BuildError as error:
        if "No module named pip" in str(error):
            raise CannotBuild(f"{sys.executable} has no pip; Debian's package is python3-pip") from None
        raise
    return folder


def unpack_source(folder: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    """Unpacks the source of the core, unless it is: cargo would compile it again."""
    name = f"pydantic_core-{pinned()[CORE]}"
    target = work / "source"
    if (target / name).is_dir():
        return target / name
    new = work / "source.new"
    for leftover in (target, new):
        shutil.rmtree(leftover, ignore_errors=True)
    with tarfile.open(folder / f"{name}.tar.gz") as archive:
        # Older releases of Python 3.11 have no filters; the archive is the one whose hash is pinned.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(new, **safe)  # type: ignore[arg-type]
    new.rename(target)
    return target / name


# ---------------------------------------------------------------- the core


def compile_core(source: pathlib.Path, work: pathlib.Path, toolchain: Toolchain) -> pathlib.Path:
    """Compiles the core to a static library."""
    config = work / "pyo3.txt"
    if not config.exists() or config.read_text() != _PYO3:
        config.write_text(_PYO3)  # only then, since cargo looks at its time
    ignored = ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_BOOTSTRAP")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    environment |= {
        "PYO3_CONFIG_FILE": str(config),
        "CARGO_TARGET_DIR": str(work / "target"),
        "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS": "-Crelocation-model=pic",
        # Whole-program optimization takes minutes more, and memory that small machines have not got.
        "CARGO_PROFILE_RELEASE_LTO": "off",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "s",
    }
    command = ["cargo", "rustc", "-q", "--locked", "--release", "--lib", "--crate-type", "staticlib"]
    command += ["--target", TARGET]
    if toolchain.builds_std:
        environment |= {"RUSTC": toolchain.rustc, "RUSTC_BOOTSTRAP": "1"}
        command += ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]
    run(command, "compiling the core", cwd=source, env=environment)
    return work / "target" / TARGET / "release/lib_pydantic_core.a"


def link_core(library: pathlib.Path, work: pathlib.Path, toolchain: Toolchain) -> bytes:
    """Links the library as a shared one: what it has not got itself comes from CPython and its C library."""
    linked = work / "_pydantic_core.so"
    command: list[str | pathlib.Path] = [toolchain.linker, "-shared", "-Bsymbolic", "--experimental-pic"]
    command += ["--unresolved-symbols=import-dynamic"]
    command += ["--no-export-dynamic", "--export=PyInit__pydantic_core", "--no-entry", "--gc-sections", "--strip-all"]
    run([*command, library, "-o", linked], "linking the core")
    return without_http(linked.read_bytes())


def without_http(module: bytes) -> bytes:
    """The module without the descriptions of interfaces that it does not use, and the runtime does not have."""
    kept = [module[:8]]
    for start, end, name in sections(module):
        if not (name.startswith("component-type") and "wasi:http" in name):
            kept.append(module[start:end])
    return b"".join(kept)


def sections(module: bytes) -> Iterator[tuple[int, int, str]]:
    """Where each section of a module begins and ends, and its name, if it is a custom one."""
    if module[:8] != b"\0asm\1\0\0\0":
        raise BuildError("the linker made no WebAssembly module")
    start = 8
    while start < len(module):
        size, body = _leb128(module, start + 1)
        name = ""
        if module[start] == 0:
            length, text = _leb128(module, body)
            name = module[text : text + length].decode()
        yield start, body + size, name
        start = body + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


# ---------------------------------------------------------------- the result


def assemble(folder: pathlib.Path, source: pathlib.Path, core: bytes, site: pathlib.Path) -> None:
    """Puts everything into one site-packages."""
    for name, version in pinned().items():
        if name == CORE:
            continue
        wheel = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    shutil.copytree(source / "python/pydantic_core", site / "pydantic_core")
    (site / "pydantic_core" / f"_pydantic_core{SUFFIX}").write_bytes(core)
    for unused in UNUSED:
        path = site / unused
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def check_versions(site: pathlib.Path) -> None:
    """Refuses a pydantic that wants another core than the one that was built."""
    metadata = site / f"pydantic-{pinned()['pydantic']}.dist-info/METADATA"
    wanted = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist: pydantic-core")]
    if not any(line.endswith(f"=={pinned()[CORE]}") for line in wanted):
        raise BuildError(f"the pinned versions do not fit each other: pydantic says {wanted}")


def try_it(site: pathlib.Path, componentize: pathlib.Path) -> None:
    """Makes a component that uses it, so that what does not fit shows here."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.joinpath("wit").mkdir()
        folder.joinpath("wit/trial.wit").write_text(_WIT)
        folder.joinpath("app.py").write_text(_APP)
        command: list[str | pathlib.Path] = [componentize, "-q", "-d", folder / "wit", "-w", "trial"]
        command += ["componentize", "app", "-p", folder, "-p", site, "-o", folder / "trial.wasm"]
        run(command, "the trial with componentize-py")


def fingerprint(toolchain: Toolchain) -> str:
    """All that the result depends on."""
    parts = (pathlib.Path(__file__).read_bytes(), REQUIREMENTS.read_bytes(), toolchain.describe().encode())
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def is_done(out: pathlib.Path, print_: str) -> bool:
    """Whether a former run left this result, whole."""
    try:
        noted = json.loads((out / "built.json").read_text())
        core = (out / "pydantic_core" / f"_pydantic_core{SUFFIX}").read_bytes()
    except (OSError, ValueError):
        return False
    return bool(noted == {"from": print_, "core": hashlib.sha256(core).hexdigest()})


def put(new: pathlib.Path, out: pathlib.Path) -> None:
    """Replaces the former result at once, so that nobody finds a half."""
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        if any(out.iterdir()) and not (out / "built.json").exists():
            raise BuildError(f"{out} has files that are not of this program; name an empty directory")
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def build(arguments: argparse.Namespace) -> None:
    """All steps."""
    version = run([arguments.componentize, "--version"], "asking componentize-py for its version").split()[-1]
    if version != COMPONENTIZE:
        raise BuildError(f"componentize-py {version} is not {COMPONENTIZE}, which has CPython {CPYTHON}")
    toolchain = find_toolchain(arguments.toolchain)
    print_ = fingerprint(toolchain)
    if is_done(arguments.out, print_):
        print(f"{arguments.out} is up to date", file=sys.stderr)
        return
    print(toolchain.describe(), file=sys.stderr)
    work, report = arguments.work.resolve(), Report()
    work.mkdir(parents=True, exist_ok=True)
    report.step("fetching the packages")
    folder = download(work)
    source = unpack_source(folder, work)
    report.step("compiling pydantic-core")
    library = compile_core(source, work, toolchain)
    report.step("linking")
    core = link_core(library, work, toolchain)
    new = arguments.out.resolve().with_name(arguments.out.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    assemble(folder, source, core, new)
    check_versions(new)
    if not arguments.no_trial:
        report.step("trying it in a component")
        try_it(new, arguments.componentize)
    noted = {"from": print_, "core": hashlib.sha256(core).hexdigest()}
    (new / "built.json").write_text(json.dumps(noted))
    put(new, arguments.out.resolve())
    whole = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    report.finish({"the core": len(core), f"all of {arguments.out}": whole})


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="becomes the site-packages")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="keeps what makes the next build quick")
    parser.add_argument("--componentize", type=pathlib.Path, required=True, help="the program componentize-py")
    choice = os.environ.get("EWH_GUEST_TOOLCHAIN") or "auto"
    parser.add_argument("--toolchain", choices=("auto", "rustup", "debian"), default=choice)
    parser.add_argument("--no-trial", action="store_true", help="do not try the result with componentize-py")
    try:
        build(parser.parse_args())
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, CannotBuild):
            print("The small pydantic in fallback/ needs no building.", file=sys.stderr)
            return CANNOT
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
