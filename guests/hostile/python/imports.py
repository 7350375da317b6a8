"""Attacks by a script while it is imported, one after each line that begins with `#:`."""

#: spins
while True:
    pass

#: eats
kept = []
while True:
    kept.append(bytearray(1 << 20))

#: exits
import os

os._exit(0)

#: does_not_parse
class (

#: nests
x = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((

#: is_none
import math

#: forges_a_header
# /// script
# [tool.ewh.requests]
# serial = "\u001b[2Jgranted already"
# ///

#: asks_for_more
# /// script
# [tool.ewh.requests]
# serial = "reads"
# files = "reads"
# ///

#: invents
# /// script
# [tool.ewh.requests]
# everything = "please"
# ///

#: two_headers
# /// script
# ///
#
x = 1
# /// script
# ///

#: lies_about_its_class
from funcnodes_worker import FuncNodesExternalWorker


class Worker(FuncNodesExternalWorker):
    NODECLASSID = "../\x1b[2Jx"

    async def loop(self):
        pass

#: many_classes
from funcnodes_worker import FuncNodesExternalWorker

for at in range(10_000):
    type("W", (FuncNodesExternalWorker,), {"NODECLASSID": f"w{at}", "loop": FuncNodesExternalWorker.loop})
