# /// script
# [tool.ewh.requests]
# data = "keeps what it did at the end"
# ///
"""The end: `stop`, `cleanup`, and the folder of an instance."""

import logging

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Ending(FuncNodesExternalWorker):
    NODECLASSID = "ending"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.leaving = False
        self._delay = 0.1

    async def loop(self):
        if self.leaving:
            await self.stop()

    def note(self, what: str) -> None:
        with open(self.data_path / "notes", "a") as notes:
            notes.write(f"{what}\n")

    def cleanup(self):
        logging.getLogger("ending").warning("cleanup of %s", self.uuid)
        super().cleanup()

    @instance_nodefunction()
    def keep(self, text: str) -> str:
        self.note(text)
        return (self.data_path / "notes").read_text()

    @instance_nodefunction()
    def leave(self) -> bool:
        self.leaving = True
        return True

    @instance_nodefunction()
    def id(self) -> str:
        return self.uuid
