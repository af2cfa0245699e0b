"""A server with a re-ranking model over a real socket, as Jina's, Cohere's or vLLM's. It breaks on demand.

    with RerankStandIn() as server:
        server.script(RerankReply(fault="hang"))
        ...  # talk to server.url, then look at server.requests

Unscripted, a text is as relevant as the share of the question's words that it has; `prefer` puts what has those
words above all else.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Fault = Literal[
    "hang",
    "reset",
    "trickle",
    "not_json",
    "garbage",
    "one_too_few",
    "one_too_many",
    "twice_the_same",
    "out_of_range",
    "negative",
    "a_flag_for_an_index",
    "not_a_number",
    "infinite",
    "enormous",
    "words",
    "no_score",
    "redirect",
]
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RerankReply:
    """What the server does with one call."""

    status: int = 200
    fault: Fault | None = None


class RerankStandIn:
    """`requests` holds the bodies of all calls, `keys` their authorization, `paths` where they went."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.prefer = ""
        self.changed = threading.Condition()
        self._script: deque[RerankReply] = deque()
        self._released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="rerank-stand-in", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def script(self, *replies: RerankReply, times: int = 1) -> None:
        """Answer the next calls with `replies`, the whole row `times` times over."""
        self._script.extend(replies * times)

    def release(self) -> None:
        """Let go of everything that hangs."""
        self._released.set()

    def wait_requests(self, timeout: float, *, count: int = 1) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.requests) >= count, timeout)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Note the call and do as scripted."""
        body = json.loads(call.rfile.read(int(call.headers["Content-Length"])))
        with self.changed:
            self.requests.append(body)
            self.keys.append(call.headers.get("Authorization"))
            self.paths.append(call.path)
            reply = self._script.popleft() if self._script else RerankReply()
            self.changed.notify_all()
        match reply.fault:
            case "hang":
                self._released.wait(60)
                call.close_connection = True
            case "reset":
                call.connection.shutdown(socket.SHUT_RDWR)
                call.close_connection = True
            case "trickle":
                self._trickle(call)
            case _:
                self._send(call, reply, self._body(reply, body))

    def _trickle(self, call: BaseHTTPRequestHandler) -> None:
        """A byte now and then, so that no single read ever takes long."""
        call.send_response(200)
        call.send_header("Content-Length", "1000")
        call.end_headers()
        try:
            while not self._released.wait(0.05):
                call.wfile.write(b" ")
        except OSError:
            call.close_connection = True

    def _send(self, call: BaseHTTPRequestHandler, reply: RerankReply, body: bytes) -> None:
        call.send_response(307 if reply.fault == "redirect" else reply.status)
        if reply.fault == "redirect":
            call.send_header("Location", f"{self.url}/elsewhere")
        call.send_header("Content-Type", "application/json")
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body)

    def _body(self, reply: RerankReply, body: dict[str, Any]) -> bytes:
        if reply.status != 200:
            return json.dumps({"error": "the key dct-secret at 10.0.0.7 is wrong"}).encode()
        if reply.fault == "garbage":
            return b'["no re-ranking"]'
        scores = [self._relevance(body["query"], text) for text in body["documents"]]
        results: list[Any] = [{"index": place, "relevance_score": score} for place, score in enumerate(scores)]
        results = sorted(results, key=lambda one: -one["relevance_score"])[: body["top_n"]]
        spoil(results, reply.fault)
        sent = json.dumps({"id": "r-1", "model": body.get("model"), "results": results}).encode()
        return sent[: len(sent) // 2] if reply.fault == "not_json" else sent

    def _relevance(self, query: str, text: str) -> float:
        if self.prefer and self.prefer in text:
            return 0.99
        wanted = set(_WORD.findall(query.casefold()))
        return round(0.9 * len(wanted & set(_WORD.findall(text.casefold()))) / max(1, len(wanted)), 4)


# What the last result says wrongly.
_SPOILT: dict[Fault | None, dict[str, Any]] = {
    "negative": {"index": -1},
    "a_flag_for_an_index": {"index": False},
    "not_a_number": {"relevance_score": float("nan")},
    "infinite": {"relevance_score": float("inf")},
    "enormous": {"relevance_score": 10**400},
    "words": {"relevance_score": "very"},
    "no_score": {"relevance_score": None},
}


def spoil(results: list[Any], fault: Fault | None) -> None:
    """Make the results wrong in one way."""
    last = results[-1]
    match fault:
        case "one_too_few":
            results.pop()
        case "one_too_many":
            results.append({"index": last["index"], "relevance_score": 0.95})
        case "twice_the_same":
            last["index"] = results[0]["index"]
        case "out_of_range":
            last["index"] = len(results)
        case _:
            last |= _SPOILT.get(fault, {})
