"""A Python Worker with the twin plugin, on loopback: `serve.py --data DIR --port N`.

With `--mounted FILE ...` it has the sandbox host's FuncNodes module of this checkout, as if it were installed, and
these components and scripts in its folder; `--installed` takes the module that is installed instead. `--plain` leaves
the twin out. Once all is loaded it prints one line of JSON with its `url`, as `ewh serve --json` does.
"""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import sys
import threading

arguments = argparse.ArgumentParser()
arguments.add_argument("--data", required=True)
arguments.add_argument("--port", type=int, required=True)
arguments.add_argument("--mounted", nargs="*", default=None, metavar="FILE")
arguments.add_argument("--installed", action="store_true")
arguments.add_argument("--plain", action="store_true")
arguments = arguments.parse_args()

# Read when the packages are imported.
os.environ["FUNCNODES_CONFIG_DIR"] = os.path.join(arguments.data, "config")
os.environ["FUNCNODES_HOST"] = "127.0.0.1"

import funcnodes_worker.utils.modules as modules  # noqa: E402
from client import Client, reachable  # noqa: E402
from funcnodes_worker import WSWorker  # noqa: E402

# It would ask a server in the internet which modules there are.
modules.REPO_CSV_URL = "http://127.0.0.1:9/none.csv"

# The same after a restart, so that it finds what it saved.
UUID = "0123456789abcdef0123456789abcdef"
PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "host/python/python"
ENTRY_POINTS = """[funcnodes.module]
module = external_worker_host.funcnodes
plugin_setup = external_worker_host.funcnodes:plugin_setup
"""


def mount_package() -> None:
    """Puts the package of this checkout where Python finds it, with what the wheel says of it."""
    site = pathlib.Path(arguments.data, "site")
    said = site / "external_worker_host-0.0.0.dist-info"
    said.mkdir(parents=True, exist_ok=True)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: external-worker-host\nVersion: 0.0.0\n")
    (said / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path[:0] = [str(PACKAGE), str(site)]


def mount(files: list[str], data: str) -> None:
    """Puts the files where the Worker finds them."""
    folder = pathlib.Path(data, "local_workers")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        # The UI's steps know a module by its name with a hyphen, as `ewh` names a package.
        source = pathlib.Path(file)
        shutil.copy(source, folder / source.name.replace("_", "-"))


async def load_plugin(url: str, worker: WSWorker) -> None:
    await reachable(url)
    if arguments.mounted is not None:
        from external_worker_host.funcnodes.hook import mount_of

        while not mount_of(worker).is_loaded:
            await asyncio.sleep(0.01)
    if not arguments.plain:
        async with Client(url) as client:
            await client.call("add_package_dependency", name="fnext-peer")
    print(json.dumps({"url": url}), flush=True)


url = f"ws://127.0.0.1:{arguments.port}/"
data = os.path.join(arguments.data, "worker")
if arguments.mounted is not None:
    if not arguments.installed:
        mount_package()
    mount(arguments.mounted, data)
# One that was killed left a file that says it runs.
pathlib.Path(os.environ["FUNCNODES_CONFIG_DIR"], "workers", f"worker_{UUID}.p").unlink(missing_ok=True)
worker = WSWorker(host="127.0.0.1", port=arguments.port, data_path=data, uuid=UUID)
threading.Thread(target=lambda: asyncio.run(load_plugin(url, worker)), daemon=True).start()
worker.run_forever()
