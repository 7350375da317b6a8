"""A camera that gives its frames over HTTP: the loop looks, and nodes show what it saw."""

# /// script
# requires-python = ">=3.14"
#
# [tool.ewh]
# version = "1.0.0"
#
# [tool.ewh.requests]
# http = "fetches frames from the camera"
# ///

from pydantic import Field

from external_worker import Call, Media, http
from funcnodes_core import instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker


class CameraConfig(ExternalWorkerConfig):
    url: str = Field(default="http://127.0.0.1:8080/", description="Where the camera is.")
    interval_s: float = Field(default=1.0, ge=0.05, le=3600)
    token: str = Field(default="", json_schema_extra={"export": False})


class Camera(FuncNodesExternalWorker):
    NODECLASSID = "camera"
    config_cls = CameraConfig

    modes = ()
    last = None
    seen = 0

    def post_config_update(self):
        self.delay = self.config.interval_s

    async def loop(self):
        """Looks, and offers the modes that the camera has."""
        self.last = await self.take("now")
        self.seen += 1
        modes = (await self.fetch("modes")).json()
        if modes != self.modes:
            self.modes = modes
            for node in (*self.shoot.nodes(), self.shoot.nodeclass()):
                node.inputs["mode"].update_value_options(options=modes)
        self.frame.request_trigger()

    @instance_nodefunction(default_render_options={"data": {"src": "out"}})
    def frame(self) -> Media:
        """The frame that was seen last."""
        if self.last is None:
            raise ConnectionError("the camera has not been seen yet")
        return self.last

    @instance_nodefunction(
        timeout="5min", default_io_options={"mode": {"does_trigger": False, "value_options": {"options": []}}}
    )
    async def shoot(self, call: Call, mode: str, count: int = 1) -> list:
        """So many frames; what each weighs."""
        sizes = []
        for at in range(count):
            call.progress(at / count, f"frame {at + 1} of {count}")
            sizes.append(len((await self.take(mode)).data))
        return sizes

    async def take(self, mode: str) -> Media:
        response = await self.fetch(f"frame?mode={mode}")
        return Media(response.headers["content-type"], response.content)

    async def fetch(self, path: str) -> http.Response:
        headers = {"authorization": f"Bearer {self.config.token}"} if self.config.token else {}
        response = await http.get(self.config.url + path, headers=headers, timeout=5)
        return response.raise_for_status()
