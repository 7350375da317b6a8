"""What nodes of `funcnodes-basic`, `funcnodes-numpy` and `funcnodes-pandas` do, with their inputs and outputs."""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Sheet(FuncNodesExternalWorker):
    NODECLASSID = "sheet"

    async def loop(self):
        pass

    @instance_nodefunction(outputs=[{"name": "split"}])
    def split(self, s: str, delimiter: str = " ") -> list[str]:
        return s.split(delimiter)

    @instance_nodefunction(outputs=[{"name": "cumsum_along_axis"}])
    def cumsum(self, a: np.ndarray) -> np.ndarray:
        return array("d", accumulate(a.tolist()))

    @instance_nodefunction()
    def dropna(self, df: pd.DataFrame) -> pd.DataFrame:
        kept = [(label, row) for label, row in zip(df["index"], df["data"]) if None not in row]
        return {"index": [label for label, _ in kept], "columns": df["columns"], "data": [row for _, row in kept]}

    @instance_nodefunction()
    def wrong(self, rows: list) -> pd.DataFrame | None:
        return {"columns": ["a"], "data": rows}
