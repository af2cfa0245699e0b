"""Sockets, streams and waits that threads of the test hold open, noting how and when each ended."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any
from uuid import uuid4

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.config.polling import wait_for
from tests.conversations.doors import read_events
from tests.plain import NO_TLS

# A socket's close code, the status of a request that waited, or `OVER` for a stream.
Ending = int | str
OVER = "over"
_PATIENCE = 60.0


class Held:
    """Reads until the end. `ending` is None while it is open; `heard` grows meanwhile."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.ending: Ending | None = None
        self.ended_at = 0.0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            ending = self.read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test compares it
            ending = repr(error)
        self.ended_at = time.monotonic()
        self.ending = ending

    def read(self) -> Ending:
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError

    def is_working(self) -> bool:
        """Whether it is not just open but still says something new."""
        before = len(self.heard)
        wait_for("something is heard", lambda: self.ending is not None or len(self.heard) > before, within=10)
        return self.ending is None


class HeldSocket(Held):
    """A WebSocket, by a program's token or by a page's cookie, which needs an origin."""

    def __init__(self, url: str, headers: dict[str, str], origin: str | None = None) -> None:
        given = Origin(origin) if origin else None
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(url, additional_headers=headers, origin=given, proxy=None)
        )
        super().__init__()

    def read(self) -> Ending:
        try:
            while True:
                self.heard.append(json.loads(self._socket.recv()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else repr(closed)

    def leave(self) -> None:
        self._stack.close()

    def ask(self, question: str) -> None:
        """Returns when the answer has begun."""
        self._socket.send(json.dumps({"type": "ask", "request_id": str(uuid4()), "content": question}))
        wait_for("the answer begins", lambda: "block" in {frame["type"] for frame in list(self.heard)})

    def is_working(self) -> bool:
        with suppress(ConnectionClosed):
            self._socket.send(json.dumps({"type": "anything"}))
        return super().is_working()


class HeldRequest(Held):
    """A request by a token: a stream of events, or an answer that is awaited."""

    def __init__(self, method: str, url: str, token: str, *, is_stream: bool, body: object = None) -> None:
        self._client = httpx.Client(timeout=_PATIENCE, trust_env=False, verify=NO_TLS)
        headers = {"Authorization": f"Bearer {token}"} | ({"Accept": "text/event-stream"} if is_stream else {})
        self._request = self._client.build_request(method, url, headers=headers, json=body)
        super().__init__()

    def read(self) -> Ending:
        response = self._client.send(self._request, stream=True)
        if not response.headers["content-type"].startswith("text/event-stream"):
            response.read()
            return response.status_code
        for event in read_events(response.iter_lines()):
            self.heard.append(event)
        return OVER

    def leave(self) -> None:
        self._client.close()

    def is_working(self) -> bool:
        """Of an answer that streams, that it goes on; a wait and a queued document have nothing to say."""
        if any(event["type"] == "delta" for event in self.heard):
            return super().is_working()
        return self.ending is None
