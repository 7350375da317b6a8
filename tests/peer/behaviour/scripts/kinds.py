"""Classes of every kind: plain, titled, abstract, inherited; and what Python says to wrong ones."""

from abc import abstractmethod

from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker

OUTCOMES: dict[str, str] = {}


class Plain(FuncNodesExternalWorker):
    """A plain worker.

    More of it.
    """

    NODECLASSID = "plain"

    async def loop(self):
        pass

    @instance_nodefunction()
    def outcomes(self) -> dict:
        return OUTCOMES

    @instance_nodefunction()
    def about(self) -> dict:
        return {
            "uuid": self.uuid,
            "name": self.name,
            "class": self.NODECLASSID,
            "abstract": self.IS_ABSTRACT,
            "running": self.running,
            "config": type(self.config).__name__,
            "known": self in type(self).running_instances(),
            "registered": FuncNodesExternalWorker.RUNNING_WORKERS["plain"].get(self.uuid) is self,
        }


class Titled(FuncNodesExternalWorker):
    NODECLASSID = "titled"
    NAME = "A title: ü"

    async def loop(self):
        pass


class Family(FuncNodesExternalWorker):
    IS_ABSTRACT = True

    async def loop(self):
        pass

    @instance_nodefunction()
    def kin(self) -> str:
        return type(self).__name__

    @abstractmethod
    def say(self) -> str: ...


class Child(Family):
    NODECLASSID = "child"

    def say(self) -> str:
        return "child"


class GrandChild(Child):
    NODECLASSID = "grand-child"
    NAME = "Grand Child"


class WithId(FuncNodesExternalWorker):
    NODECLASSID = "from_base"
    IS_ABSTRACT = True

    async def loop(self):
        pass


class Heir(WithId):
    pass


class Empty(ExternalWorkerConfig):
    pass


def attempt(name, make):
    try:
        make()
        OUTCOMES[name] = "nothing"
    except Exception as problem:
        OUTCOMES[name] = type(problem).__name__


async def nothing(self):
    pass


attempt("no id", lambda: type("NoId", (FuncNodesExternalWorker,), {"loop": nothing}))
attempt("abstract without id", lambda: type("Quiet", (FuncNodesExternalWorker,), {"IS_ABSTRACT": True}))
attempt("abstract instance", lambda: Family("1"))
attempt("inherited abstract instance", lambda: WithId("1"))
OUTCOMES["child is abstract"] = str(Child.IS_ABSTRACT)
OUTCOMES["heir is abstract"] = str(Heir.IS_ABSTRACT)
OUTCOMES["heir's id"] = Heir.NODECLASSID
