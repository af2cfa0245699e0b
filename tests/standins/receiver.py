"""A receiver of webhooks on a real socket. It can be slow, refuse, lead away, talk much, or never answer.

with ReceiverStandIn() as receiver:
    receiver.script(Said(500), Said(200))
    receiver.heard  # what was posted: path, headers, body
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.config.polling import wait_for


@dataclass(frozen=True)
class Said:
    """One answer. With `holds` it comes when the stand-in is told to let go."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    holds: bool = False


@dataclass(frozen=True)
class Heard:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["webhook-id"]


class ReceiverStandIn:
    """Answers 204 when nothing else is scripted."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._script: deque[Said] = deque()
        self.let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/told"

    def script(self, *said: Said, times: int = 1) -> None:
        """The next answers."""
        self._script.extend(said * times)

    def reset(self) -> None:
        self.let_go.set()
        self.let_go = threading.Event()
        self._script.clear()
        self.heard.clear()

    def wait_heard(self, count: int, *, within: float = 20.0) -> list[Heard]:
        wait_for(f"{count} were posted", lambda: len(self.heard) >= count, within=within)
        return list(self.heard)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                said = stand_in._script.popleft() if stand_in._script else Said()
                headers = {name.lower(): value for name, value in self.headers.items()}
                let_go = stand_in.let_go
                stand_in.heard.append(Heard(self.path, headers, body))
                if said.holds:
                    let_go.wait(30)
                self.send_response(said.status)
                for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler
