"""One Worker's side of a comparison: sends commands, takes down all that comes of them, and gives
everything that differs from run to run a name that does not."""

import asyncio
import json
import re
from typing import Any, Optional

import aiohttp
from client import Binary, Client
from peers import Peer, class_of

# What should not come can only be seen by waiting for it.
SETTLE_S = 0.15
PATIENCE_S = 15.0

UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])")
# ("value", node, output), ("event", name) or ("ran", node)
Until = Optional[tuple[str, ...]]


class Session:
    """`steps` is what was seen: by step, the answer, the events and what another client heard."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.steps: dict[str, dict[str, Any]] = {}
        self.labels: dict[str, str] = {}
        # Nodes whose outputs depend on when they run.
        self.vague: set[str] = set()

    async def __aenter__(self) -> "Session":
        self.client = await Client(self.peer.url).__aenter__()
        self.other = await Client(self.peer.url).__aenter__()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.client.__aexit__()
        await self.other.__aexit__()

    async def restart(self) -> None:
        await self.__aexit__()
        await self.peer.stop()
        await self.peer.start()
        await self.__aenter__()

    def label(self, uuid: str, name: str) -> None:
        self.labels[uuid] = f"<{name}>"

    def record(self, step: str, result: Any) -> None:
        self.steps[step] = {"result": self.plain(result)}

    async def do(
        self,
        step: str,
        command: str,
        until: Until = None,
        record: bool = True,
        relabel: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Sends a command, waits for the event `until` and for whatever else comes."""
        self.client.heard.clear()
        self.other.heard.clear()
        awaited = self._awaited(until)
        answer = await self.client.ask(command, **kwargs)
        late = not await arrives(awaited)
        await self._settle()
        if not isinstance(answer, Binary):
            answer.pop("id", None)
        if relabel:
            self._label_all(answer)
        if record:
            events = self._heard(self.client)
            others = self._heard(self.other)
            unshared = [message for message in others if message not in events]
            seen = {**self.plain(answer), "events": events, "others": unshared}
            self.steps[step] = {**seen, "late": True} if late else seen
        return answer.get("result") if isinstance(answer, dict) else None

    def _heard(self, client: Client) -> list[Any]:
        # A server may send a `pong` unasked when a client connects.
        return [self.plain(message) for message in client.heard if message != {"type": "pong"}]

    def _awaited(self, until: Until) -> Optional["asyncio.Future[Any]"]:
        if until is None:
            return None
        kind, *names = until
        if kind == "ran":
            return self.client.next(lambda message: ran(message, names[0]))
        return self.client.next_value(*names) if kind == "value" else self.client.next_event(*names)

    async def _settle(self) -> None:
        while True:
            heard = len(self.client.heard) + len(self.other.heard)
            await asyncio.sleep(SETTLE_S)
            for client in (self.client, self.other):
                await client.ask("get_runstate")
            if heard == len(self.client.heard) + len(self.other.heard):
                return

    async def set(self, step: str, nid: str, ioid: str, value: Any, until: Until = None, **more: Any) -> None:
        await self.do(step, "set_io_value", until=until, nid=nid, ioid=ioid, value=value, **more)

    async def class_named(self, title: str) -> dict[str, str]:
        return await class_of(self.client, title)

    async def add_instance(self, step: str, title: str, name: str) -> dict[str, Any]:
        update = ("event", "external_worker_update")
        arguments = await self.class_named(title)
        instance = await self.do(step, "add_external_worker", until=update, record=False, **arguments)
        if instance is None:
            raise RuntimeError(f"{self.peer.kind} makes no {title}")
        self.label(instance["uuid"], name)
        events = self._heard(self.client)
        self.steps[step] = {"result": self.plain(instance), "events": events}
        return instance

    async def add_node(self, step: str, id: str, name: str) -> str:
        added = await self.do(step, "add_node", record=False, id=id)
        if added is None:
            raise RuntimeError(f"{self.peer.kind} makes no node {id}")
        self.label(added["id"], name)
        events = self._heard(self.client)
        self.steps[step] = {"result": self.plain(added), "events": events}
        return added["id"]

    async def find_node_id(self, title: str) -> str:
        pending = list((await self.client.call("get_library"))["shelves"])
        while pending:
            shelf = pending.pop()
            pending.extend(shelf["subshelves"])
            for node in shelf["nodes"]:
                if node["node_name"] == title:
                    self.labels[node["node_id"]] = "<shelf node>"
                    return node["node_id"]
        raise RuntimeError(f"the library has no {title!r}")

    async def ping(self, step: str) -> None:
        answered = self.client.next(lambda message: message == {"type": "pong"})
        await self.client.send({"type": "ping"})
        self.steps[step] = {"result": await answered}

    async def malformed(self, step: str, text: str) -> None:
        """A frame that is no command, on a connection of its own: does it live on?"""
        async with aiohttp.ClientSession() as session, session.ws_connect(self.peer.url) as socket:
            await socket.send_str(text)
            answer: Any = {"type": "pong"}
            try:
                while answer == {"type": "pong"}:
                    message = await socket.receive(timeout=1.0)
                    answer = message.json() if message.type == aiohttp.WSMsgType.TEXT else "closed"
            except TimeoutError:
                answer = "nothing"
        self.client.heard.clear()
        self.steps[step] = {"result": self.plain(answer)}

    async def twice(self, step: str, command: str, **kwargs: Any) -> None:
        message = {"type": "cmd", "cmd": command, "kwargs": kwargs, "id": f"twice-{command}"}
        self.client.heard.clear()
        await self.client.send(message)
        await self.client.send(message)
        await self._settle()
        answers = [m for m in self.client.heard if isinstance(m, dict) and m.get("id") == message["id"]]
        self.steps[step] = {"result": {"answers": len(answers), "different": len({str(a) for a in answers})}}

    def _label_all(self, answer: Any) -> None:
        for uuid in UUID.findall(str(answer)):
            self.labels.setdefault(uuid, "<another>")

    def plain(self, value: Any, key: str = "") -> Any:
        """Without what differs from run to run."""
        if isinstance(value, Binary):
            header = {k: v for k, v in value.header.items() if k != "msgid" and k != "id"}
            body = f"{len(value.body)} bytes" if len(value.body) > 200 else value.body.hex()
            if header.get("mime") == "application/json":
                # Spaces and escapes say nothing.
                body = json.loads(value.body)
            body = "<vague>" if value.header.get("node") in self.vague else body
            return {"type": "binary", "header": self.plain(header), "body": body}
        if isinstance(value, dict):
            return {self.plain(k): self.plain(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return "<traceback>" if key == "tb" else [self.plain(item) for item in value]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, (int, float)):
            if key in ("pid", "port"):
                return f"<{key}>"
            return "<time>" if value > 1e9 or key == "elapsed" else value
        for uuid, name in self.labels.items():
            value = value.replace(uuid, name)
        value = value.replace(self.peer.data, "<data>")
        return UUID.sub("<uuid>", value) if len(value) < 10_000 else f"{len(value)} characters"


def ran(message: Any, node: str) -> bool:
    """A quick run says `triggerfast`, any other `triggerdone` in the end."""
    if not isinstance(message, dict) or message.get("event") not in ("triggerdone", "triggerfast"):
        return False
    return message["data"]["node"] == node


async def arrives(awaited: Optional["asyncio.Future[Any]"]) -> bool:
    if awaited is None:
        return True
    done, _ = await asyncio.wait([awaited], timeout=PATIENCE_S)
    awaited.cancel()
    return bool(done)
