"""A server that speaks Ollama's protocol over a real socket, answers without a model and breaks on demand.

    with OllamaStandIn() as server:
        server.script(Reply(text="Paris [1]."), Reply(fault="cut", fault_after=3))
        ...  # talk to server.url, then look at server.requests

or as a command: `python -m tests.standins.ollama --port 11434 --tokens-per-second 50 --answer-tokens 100`.
Without a script it answers from the first passage in the prompt and cites it.
"""

import argparse
import asyncio
import contextlib
import json
import re
import signal
import socket
import struct
import threading
from collections import deque
from typing import Any, Self

from tests.standins.embeddings import EmbedReply, body_of
from tests.standins.inventing import Inventor
from tests.standins.ollama_wire import (
    BAD_LINES,
    CREATED_AT,
    Fault,
    Framer,
    Reply,
    answer_lines,
    asks_to_rewrite,
    described_model,
    question_to_rewrite,
)

__all__ = ["MODEL", "EmbedReply", "OllamaStandIn", "Reply"]

MODEL = "stand-in:latest"
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"


class OllamaStandIn:
    """The server in a thread and event loop of its own; everything public may be called from any thread.

    `tokens_per_second` 0 means as fast as the socket takes them. `answer_tokens` makes unscripted answers
    exactly that long. `requests` holds the JSON bodies of all chats in the order of their arrival,
    `embedded` those of the calls to `/api/embed` and `/v1/embeddings`, `keys` the latter's authorization.
    `dimensions` says which models embed, and how. `embed_after` is how long an embedding takes, in seconds;
    models that are `held` embed nothing until they are no more. Follow-ups to be made whole are no questions:
    their bodies are in `rewrites`, their replies come by `script_rewrites`, and unscripted the question comes back
    as it was. Without a script an `inventor` answers, if any.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        models: tuple[str, ...] = (MODEL,),
        tokens_per_second: float = 0,
        first_token_after: float = 0,
        answer_tokens: int | None = None,
    ) -> None:
        self.models = models
        self.tokens_per_second = tokens_per_second
        self.first_token_after = first_token_after
        self.answer_tokens = answer_tokens
        self.requests: list[dict[str, Any]] = []
        self.rewrites: list[dict[str, Any]] = []
        self.dimensions: dict[str, int] = {}
        self.embed_after = 0.0
        self.held: set[str] = set()
        self.inventor: Inventor | None = None
        self.embedded: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.connections = 0
        self.open_streams = 0
        self.aborted_streams = 0
        self.changed = threading.Condition()
        self._address = (host, port)
        self._script: deque[Reply] = deque()
        self._rewrite_script: deque[Reply] = deque()
        self._embed_script: deque[EmbedReply] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ollama-stand-in", daemon=True)
        self._ready = threading.Event()
        self._stopped = asyncio.Event()
        self.port = port

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self.port}"

    def script(self, *replies: Reply, times: int = 1) -> None:
        """Answer the next questions with `replies`, one each, the whole row `times` times over."""
        self._script.extend(replies * times)

    def script_rewrites(self, *replies: Reply) -> None:
        """The same for the next follow-ups that are to be made whole."""
        self._rewrite_script.extend(replies)

    def script_embeddings(self, *replies: EmbedReply, times: int = 1) -> None:
        """The same for the next calls that want something embedded."""
        self._embed_script.extend(replies * times)

    def reset(self) -> None:
        """Forget what was scripted, asked and counted, and the models that embed."""
        with self.changed:
            self._script.clear()
            self._rewrite_script.clear()
            self.rewrites.clear()
            self._embed_script.clear()
            self.requests.clear()
            self.embedded.clear()
            self.keys.clear()
            self.dimensions.clear()
            self.held.clear()
            self.inventor = None
            self.embed_after = 0.0
            self.aborted_streams = 0

    def wait_aborted(self, timeout: float, *, streams: int = 1) -> bool:
        """Wait until clients have left `streams` answers before their end; False after `timeout` seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.aborted_streams >= streams, timeout)

    def wait_requests(self, timeout: float, *, count: int = 1) -> bool:
        """Wait until `count` questions have arrived."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.requests) >= count, timeout)

    def wait_embedded(self, timeout: float, *, count: int = 1) -> bool:
        """Wait until something was to be embedded `count` times."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.embedded) >= count, timeout)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no answer is being sent."""
        with self.changed:
            return self.changed.wait_for(lambda: self.open_streams == 0, timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the stand-in could not listen")

    def stop(self) -> None:
        """Stop listening and drop every connection. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(10)

    def accept(self, body: dict[str, Any]) -> Reply:
        """Note a question that came in and say what to do with it."""
        is_rewrite = asks_to_rewrite(body)
        with self.changed:
            (self.rewrites if is_rewrite else self.requests).append(body)
            self.changed.notify_all()
        if script := self._rewrite_script if is_rewrite else self._script:
            return script.popleft()
        if is_rewrite:
            return Reply(text=question_to_rewrite(body))
        return Reply(text=self.inventor.answer(body)) if self.inventor else Reply()

    def accept_texts(self, body: dict[str, Any], key: str) -> EmbedReply:
        """Note texts that are to be embedded and say what to do with them."""
        with self.changed:
            self.embedded.append(body)
            self.keys.append(key)
            self.changed.notify_all()
        return self._embed_script.popleft() if self._embed_script else EmbedReply()

    def count(self, *, connections: int = 0, open_streams: int = 0, aborted_streams: int = 0) -> None:
        with self.changed:
            self.connections += connections
            self.open_streams += open_streams
            self.aborted_streams += aborted_streams
            self.changed.notify_all()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        connections: set[_Connection] = set()
        server = await self._loop.create_server(
            lambda: _Connection(self, connections), *self._address, backlog=512
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for connection in list(connections):
            connection.drop(reset=True)


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as far as clients of Ollama use it: one request after the other, bodies with a length."""

    transport: asyncio.Transport

    def __init__(self, server: OllamaStandIn, connections: set["_Connection"]) -> None:
        self._server = server
        self._connections = connections
        self._received = b""
        self._stream: _ChatStream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(self)
        self._server.count(connections=1)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._stream is not None:
            self._stream.client_left()
            self._stream = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if separator and len(rest) >= size:
            self._received = rest[size:]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            key = re.search(rb"(?i)\r\nauthorization: *([^\r]*)", head)
            self._answer(method, target, rest[:size], key[1].decode() if key else "")

    def stream_ended(self) -> None:
        self._stream = None

    def drop(self, *, reset: bool) -> None:
        """End the connection without ending the response."""
        if reset:
            linger = struct.pack("ii", 1, 0)  # on, for no time: what is left is dropped and RST is sent
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        else:
            self.transport.close()

    def _answer(self, method: str, target: str, body: bytes, key: str) -> None:
        route = (method, target)
        if route == ("POST", "/api/chat"):
            self._chat(json.loads(body))
        elif route in {("POST", "/api/embed"), ("POST", "/v1/embeddings")}:
            self._embed(json.loads(body), key, is_native=target == "/api/embed")
        elif route in {("GET", "/"), ("HEAD", "/")}:
            self._send(200, b"Ollama is running", "text/plain")
        elif route == ("GET", "/api/version"):
            self._send_json(200, {"version": "0.12.0"})
        elif route == ("GET", "/api/tags"):
            self._send_json(200, {"models": [described_model(name) for name in self._server.models]})
        elif route == ("GET", "/api/ps"):
            loaded = [described_model(name) | {"expires_at": CREATED_AT} for name in self._server.models]
            self._send_json(200, {"models": loaded})
        elif route == ("POST", "/api/show"):
            self._show(json.loads(body))
        else:
            self._send_json(404, {"error": "404 page not found"})

    def _show(self, body: dict[str, Any]) -> None:
        if body.get("model") not in self._server.models:
            self._send_json(404, {"error": f"model '{body.get('model')}' not found"})
            return
        info = {"general.architecture": "stand-in", "stand-in.context_length": 32768}
        described = {"capabilities": ["completion"], "model_info": info, "template": "{{ .Prompt }}"}
        self._send_json(200, described_model(MODEL) | described)

    def _chat(self, body: dict[str, Any]) -> None:
        reply = self._server.accept(body)
        if reply.status != 200:
            self._send_json(reply.status, {"error": f"scripted failure at {self._server.url}"})
        elif body.get("model") not in self._server.models:
            self._send_json(404, {"error": f"model '{body.get('model')}' not found"})
        else:
            self._stream = _ChatStream(self._server, self, reply, body)

    def _embed(self, body: dict[str, Any], key: str, *, is_native: bool) -> None:
        reply = self._server.accept_texts(body, key)
        size = self._server.dimensions.get(str(body.get("model")))
        if reply.fault == "hang":
            return
        if reply.fault == "reset":
            self.drop(reset=True)
            return
        if reply.status != 200:
            send = (reply.status, b'{"error": "scripted failure at http://10.0.0.7:8080"}')
        elif size is None:
            send = (404, json.dumps({"error": f"model '{body.get('model')}' not found"}).encode())
        else:
            send = (200, body_of(reply, body, size, is_native=is_native))
        wait = self._server.embed_after if reply.after is None else reply.after
        asyncio.get_running_loop().call_later(wait, self._send_unless_held, body.get("model"), *send)

    def _send_unless_held(self, model: object, status: int, body: bytes) -> None:
        if model in self._server.held:
            asyncio.get_running_loop().call_later(0.02, self._send_unless_held, model, status, body)
        else:
            self._send(status, body, "application/json")

    def _send_json(self, status: int, body: object) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, media_type: str) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


class _ChatStream:
    """One answer on its way: a timer for each token and no task, so that hundreds at once cost little."""

    def __init__(self, server: OllamaStandIn, connection: _Connection, reply: Reply, body: dict[str, Any]) -> None:
        self._server = server
        self._connection = connection
        self._reply = reply
        self._lines = list(answer_lines(reply, body, server.answer_tokens))
        self._frame = Framer(reply.framing)
        rate = server.tokens_per_second if reply.tokens_per_second is None else reply.tokens_per_second
        self._pause = 1 / rate if rate else 0.0
        wait = server.first_token_after if reply.first_token_after is None else reply.first_token_after
        self._loop = asyncio.get_running_loop()
        self._next = 0
        self._next_at = self._loop.time() + wait
        self._output = [_STREAM_HEAD]
        self._timer = self._loop.call_at(self._next_at, self._advance)
        server.count(open_streams=1)

    def client_left(self) -> None:
        self._timer.cancel()
        self._server.count(open_streams=-1, aborted_streams=1)

    def _advance(self) -> None:
        while self._next < len(self._lines):
            if self._reply.fault is not None and self._next == self._reply.fault_after:
                self._break(self._reply.fault)
                return
            is_last = self._next == len(self._lines) - 1
            self._output += self._frame(self._lines[self._next], is_last=is_last)
            self._next += 1
            self._next_at += self._pause
            if self._next_at > self._loop.time() and not is_last:
                self._flush()
                self._timer = self._loop.call_at(self._next_at, self._advance)
                return
        self._finish()

    def _break(self, fault: Fault) -> None:
        if fault == "hang":
            if self._next:  # before the first token Ollama sends no head either
                self._flush()
            return
        if fault in {"close", "reset"}:
            self._flush()
            self._leave()
            self._connection.drop(reset=fault == "reset")
            return
        if fault != "cut":
            self._output += self._frame(BAD_LINES[fault], is_last=False)
        self._finish()

    def _finish(self) -> None:
        self._output.append(b"0\r\n\r\n")
        self._flush()
        self._leave()

    def _leave(self) -> None:
        self._connection.stream_ended()
        self._server.count(open_streams=-1)

    def _flush(self) -> None:
        self._connection.transport.write(b"".join(self._output))
        self._output.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for an Ollama server; Ctrl-C ends it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--tokens-per-second", type=float, default=50)
    parser.add_argument("--first-token-after", type=float, default=0)
    parser.add_argument("--answer-tokens", type=int)
    options = vars(parser.parse_args())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs behind it without
    with OllamaStandIn(**options) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.url, flush=True)  # noqa: T201
        signal.pause()


if __name__ == "__main__":
    main()
