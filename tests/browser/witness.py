"""What goes wrong in a browser without anybody seeing it: errors, refused requests, strangers asked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError, WebSocket

# The page or the person gave it up: a link was followed, an upload cancelled. What the content security policy
# forbids the console tells; where scripts are off, what is named in advance for them is refused in silence.
_GIVEN_UP = {"net::ERR_ABORTED", "csp"}


class Witness:
    """Watches every page of a context from its first request on."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._origin = origin
        self._faults: list[str] = []
        self._provoked: list[str] = []
        self.requests: list[Request] = []
        context.on("page", self._watch)
        context.on("console", self._hear)
        context.on("weberror", self._note_error)
        context.on("request", self._note_request)
        context.on("requestfailed", self._note_failure)
        context.on("response", self._note_response)

    @property
    def faults(self) -> list[str]:
        """Everything that no test has said it provokes."""
        return [fault for fault in self._faults if not any(re.search(one, fault) for one in self._provoked)]

    def expect(self, *patterns: str) -> None:
        """Faults that match are what the test is about."""
        self._provoked.extend(patterns)

    def posts_to(self, path: str) -> int:
        """How many POST requests went to a path that ends so."""
        return sum(one.method == "POST" and urlsplit(one.url).path.endswith(path) for one in self.requests)

    def _watch(self, page: Page) -> None:
        page.on("websocket", self._note_socket)

    def _hear(self, message: ConsoleMessage) -> None:
        # Violations of the content security policy are told here too.
        if message.type in {"error", "warning"}:
            self._faults.append(f"console {message.type}: {message.text}")

    def _note_error(self, error: WebError) -> None:
        self._faults.append(f"uncaught: {error.error}")

    def _note_request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self._origin}/", "data:", "blob:")):
            self._faults.append(f"stranger asked: {request.url}")

    def _note_failure(self, request: Request) -> None:
        if request.failure not in _GIVEN_UP:
            self._faults.append(f"request failed: {request.failure} {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self._faults.append(f"status {response.status}: {response.url}")

    def _note_socket(self, socket: WebSocket) -> None:
        if not socket.url.startswith(f"{self._origin.replace('http', 'ws', 1)}/"):
            self._faults.append(f"stranger asked: {socket.url}")
