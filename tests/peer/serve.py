"""A Python Worker with the twin plugin, on loopback: `serve.py --data DIR --port N`.

Once the plugin is loaded it prints one line of JSON with its `url`, as `ewh serve --json` does.
"""

import argparse
import asyncio
import json
import os
import pathlib
import threading

arguments = argparse.ArgumentParser()
arguments.add_argument("--data", required=True)
arguments.add_argument("--port", type=int, required=True)
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


async def load_plugin(url: str) -> None:
    await reachable(url)
    async with Client(url) as client:
        await client.call("add_package_dependency", name="fnext-peer")
    print(json.dumps({"url": url}), flush=True)


url = f"ws://127.0.0.1:{arguments.port}/"
threading.Thread(target=lambda: asyncio.run(load_plugin(url)), daemon=True).start()
data = os.path.join(arguments.data, "worker")
# One that was killed left a file that says it runs.
pathlib.Path(os.environ["FUNCNODES_CONFIG_DIR"], "workers", f"worker_{UUID}.p").unlink(missing_ok=True)
WSWorker(host="127.0.0.1", port=arguments.port, data_path=data, uuid=UUID).run_forever()
