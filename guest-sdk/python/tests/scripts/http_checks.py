# /// script
# [tool.ewh.requests]
# http = "asks a server on loopback"
# ///
"""HTTP over the host, with every client. The server answers GET with "hello", and POST with what it got."""

import asyncio
import ssl
import urllib.error
import urllib.request

from external_worker import http

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker


class Checks(FuncNodesExternalWorker):
    NODECLASSID = "http_checks"

    async def loop(self):
        self.pause()

    @instance_nodefunction()
    async def native(self, url: str) -> dict:
        found = {}
        response = await http.get(url, params={"q": "a b"})
        found["get"] = [response.status, response.text, response.headers["content-type"]]
        response = await http.post(url, json={"a": 1})
        found["post"] = response.json()
        big = b"x" * 3_000_000
        found["big"] = (await http.post(url, data=big)).content == big
        pieces = 0
        async with http.stream("POST", url, data=big) as response:
            async for _ in response:
                pieces += 1
                if pieces == 3:
                    break
        found["streamed"] = pieces
        try:
            await http.get(url + "slow", timeout=0.1)
        except TimeoutError as problem:
            found["timeout"] = type(problem).__name__
        try:
            (await http.get(url + "missing")).raise_for_status()
        except http.HTTPError as problem:
            found["missing"] = problem.response.status
        found["redirect"] = (await http.get(url + "redirect")).text
        found["many"] = len(await asyncio.gather(*(http.get(url) for _ in range(10))))
        return found

    @instance_nodefunction()
    def urllib(self, url: str) -> dict:
        found = {}
        with urllib.request.urlopen(url, timeout=5) as response:
            found["get"] = [response.status, response.read().decode()]
        with urllib.request.urlopen(url, data=b"body", timeout=5) as response:
            found["post"] = response.read().decode()
        try:
            urllib.request.urlopen(url + "missing")
        except urllib.error.HTTPError as problem:
            found["missing"] = problem.code
        try:
            urllib.request.urlopen(url, context=ssl._create_unverified_context()).close()
        except OSError as problem:
            found["unverified"] = str(problem)
        return found

    @instance_nodefunction()
    def requests(self, url: str) -> dict:
        import requests

        found = {"get": requests.get(url, timeout=5).text}
        with requests.Session() as session:
            found["post"] = session.post(url, json=[1, 2], timeout=5).json()
            found["streamed"] = sum(len(one) for one in session.post(url, data=b"y" * 500000, stream=True).iter_content(4096))
        try:
            requests.get(url, verify=False)
        except requests.exceptions.RequestException as problem:
            found["unverified"] = str(problem)
        return found

    @instance_nodefunction()
    async def httpx(self, url: str) -> dict:
        import httpx

        found = {}
        async with httpx.AsyncClient() as client:
            found["get"] = (await client.get(url)).text
            found["post"] = (await client.post(url, json=[1])).json()
            async with client.stream("POST", url, content=b"z" * 100000) as response:
                found["streamed"] = sum([len(one) async for one in response.aiter_bytes()])
        found["sync"] = httpx.get(url).text
        try:
            httpx.get(url, verify=False)
        except Exception as problem:
            found["unverified"] = f"{type(problem).__name__}: {problem}"
        return found

    @instance_nodefunction()
    async def denied(self) -> dict:
        found = {}
        try:
            await http.get("https://example.com/")
        except PermissionError as problem:
            found["native"] = str(problem)
        try:
            urllib.request.urlopen("https://example.com/")
        except OSError as problem:
            found["urllib"] = f"{type(problem).__name__}: {problem}"
        return found
