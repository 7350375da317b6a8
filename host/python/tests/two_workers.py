"""Two Workers of FuncNodes in one process, each with a data folder and a thread of its own.

`two_workers.py DATA DATA` prints their addresses as one line of JSON, once both have loaded, and ends when its input
does. FuncNodes keeps its external workers by class and uuid for a whole process, so this is where two Workers with the
same file could be taken for one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

os.environ["FUNCNODES_CONFIG_DIR"] = str(Path(sys.argv[1], "config"))
os.environ["FUNCNODES_HOST"] = "127.0.0.1"

import funcnodes_worker.utils.modules as modules  # noqa: E402
from external_worker_host.funcnodes import plugin_setup  # noqa: E402
from external_worker_host.funcnodes.hook import mount_of  # noqa: E402
from funcnodes_worker import WSWorker  # noqa: E402
from support import free_port  # noqa: E402

# It would ask a server in the internet which modules there are.
modules.REPO_CSV_URL = "http://127.0.0.1:9/none.csv"


async def loaded(worker: WSWorker) -> None:
    while not mount_of(worker).is_loaded:
        await asyncio.sleep(0.01)


plugin_setup()
urls = []
for number, folder in enumerate(sys.argv[1:]):
    port = free_port()
    worker = WSWorker(host="127.0.0.1", port=port, data_path=folder, uuid=f"{number:032x}")
    worker.run_forever_threaded()
    asyncio.run(loaded(worker))
    urls.append(f"ws://127.0.0.1:{port}/")
print(json.dumps(urls), flush=True)
sys.stdin.read()
os._exit(0)
