"""A web server over a real socket that people's pages are fetched from. It can be hostile.

with WebStandIn() as web:
    web.pages["/rules"] = Page("<title>Rules</title><p>Be kind.", headers={"ETag": '"1"'})
    web.pages["/slow"] = lambda connection: time.sleep(60)  # whatever one can do with a connection
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Page:
    """An honest answer; 304 to whoever knows its `ETag`."""

    body: str | bytes
    type: str = "text/html; charset=utf-8"
    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, asked: Mapping[str, str]) -> bytes:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        headers = {"Content-Type": self.type, "Content-Length": str(len(body)), **self.headers}
        status = self.status
        if asked.get("if-none-match") == self.headers.get("ETag", object()):
            status, body = "304 Not Modified", b""
            headers["Content-Length"] = "0"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        return f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n".encode() + body


class WebStandIn:
    """`requests` holds method, path and headers of what was asked. Asked to CONNECT, it plays the proxy."""

    def __init__(self) -> None:
        self.pages: dict[str, Page | Callable[[socket.socket], object]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="web-stand-in", daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def reset(self) -> None:
        self.pages.clear()
        self.requests.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (method := self._answer_one(connection)) == "CONNECT":
                pass
            assert method

    def _answer_one(self, connection: socket.socket) -> str:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            if not piece:
                raise OSError("the client left")
            head += piece
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.requests.append((method, path, headers))
        if method == "CONNECT":
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return method
        page = self.pages.get(path, Page("There is no such page.", status="404 Not Found"))
        if isinstance(page, Page):
            connection.sendall(page.answer(headers))
        else:
            page(connection)
        return method
