"""One browser's part of a class, without the drawing: Streamlit's websocket and the live address, both for real."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

POLL_SECONDS = 0.4  # as in ui/live/feed.js
START_UP = 60.0


class Session:
    """Opens the Train page of a run and follows it.

    `opened` is how long the page took, `trips` how long each answer of the live address, `seen` when each log point was
    there first (monotonic seconds), `problems` what went wrong.
    """

    def __init__(self, port: int, run: str) -> None:
        self.port, self.name = port, run
        self.opened: float | None = None
        self.trips: list[float] = []
        self.seen: dict[float, float] = {}
        self.problems: list[str] = []
        self._known = {"offset": 0, "frames": 0, "judged": 0}
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self) -> None:
        """Go on until cancelled."""
        try:
            began = time.monotonic()
            head, _ = await self._get(f"/train?run={self.name}")
            cookies = re.findall(r"(?im)^set-cookie: ([^;\r\n]+)", head)
            address = f"ws://127.0.0.1:{self.port}/_stcore/stream"
            headers = {"Cookie": "; ".join(cookies), "Origin": f"http://127.0.0.1:{self.port}"}
            async with websockets.connect(
                address, additional_headers=headers, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None
            ) as socket:
                await socket.send(self._rerun())
                await asyncio.wait_for(self._script_ended(socket), START_UP)
                await self._look()
                self.opened = time.monotonic() - began
                listening = asyncio.create_task(self._listen(socket))
                try:
                    while True:
                        await asyncio.sleep(POLL_SECONDS)
                        await self._look()
                finally:
                    listening.cancel()
                    if self._connection:
                        self._connection[1].close()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.problems.append(f"{type(error).__name__}: {error}")

    def _rerun(self) -> bytes:
        message = BackMsg()
        message.rerun_script.query_string = urlencode({"run": self.name})
        message.rerun_script.page_name = "train"
        return bytes(message.SerializeToString())

    async def _script_ended(self, socket: Any) -> None:
        """Read what the server sends until the page's script is through; an exception on the page is a failure."""
        async for data in socket:
            message = ForwardMsg()
            message.ParseFromString(data)
            if message.HasField("delta") and message.delta.new_element.HasField("exception"):
                raise RuntimeError(message.delta.new_element.exception.message)
            if message.WhichOneof("type") == "script_finished":
                return

    async def _listen(self, socket: Any) -> None:
        with suppress(websockets.ConnectionClosed):
            async for _ in socket:
                pass

    async def _look(self) -> None:
        began = time.monotonic()
        _, body = await self._get(f"/lab/runs/{self.name}/live?{urlencode(self._known)}")
        now = time.monotonic()
        self.trips.append(now - began)
        told = json.loads(body)
        first = self._known["offset"] == 0
        self._known = {"offset": told["offset"], "frames": told["frame_count"], "judged": told["judged"]}
        if not first:
            self.seen |= dict.fromkeys(told["metrics"]["step"], now)
        for frame in told["frames"][-1:]:
            await self._get(f"/{frame['url']}")

    async def _get(self, path: str) -> tuple[str, bytes]:
        """Head and body of an answer, on the connection there is; on a new one where the server closed it meanwhile."""
        for last in (False, True):
            if self._connection is None:
                self._connection = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                return await self._ask(*self._connection, path)
            except (asyncio.IncompleteReadError, ConnectionError):
                self._connection = None
                if last:
                    raise
        raise AssertionError("unreachable")

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[str, bytes]:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if " 200 " not in head.splitlines()[0]:
            raise RuntimeError(f"{path}: {head.splitlines()[0]}")
        length = re.search(r"(?im)^content-length: (\d+)", head)
        if length:
            return head, await reader.readexactly(int(length[1]))
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):  # chunked
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return head, body
