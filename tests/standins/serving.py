"""What stand-ins for model servers have in common: a real socket, a script, and streams that break on demand."""

import asyncio
import json
import re
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Any, Self

from tests.standins.inventing import Inventor
from tests.standins.scripted import Fault, Framer, Reply, aside_of, question_aside


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request; the names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


@dataclass(frozen=True, slots=True)
class Stream:
    """A response that comes line by line: its lines, what a broken one looks like, and where it breaks."""

    lines: list[bytes]
    bad_lines: dict[Fault, bytes]
    media_type: str
    line_ends: int = 1


# Shorter than anybody waits for a model's next word.
_HELD_PAUSE = 0.5


class StandIn(ABC):
    """The server in a thread and event loop of its own; everything public may be called from any thread.

    `tokens_per_second` 0 means as fast as the socket takes them. `answer_tokens` makes unscripted answers
    exactly that long. `requests` holds the JSON bodies of all chats in the order of their arrival. Follow-ups to
    be made whole are no questions: their bodies are in `rewrites`, their replies come by `script_rewrites`, and
    unscripted the question comes back as it was. So it is with `titles` and `script_titles`. Without a script an
    `inventor` answers, if any.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tokens_per_second: float = 0,
        first_token_after: float = 0,
        answer_tokens: int | None = None,
    ) -> None:
        self.tokens_per_second = tokens_per_second
        self.first_token_after = first_token_after
        self.answer_tokens = answer_tokens
        self.requests: list[dict[str, Any]] = []
        self.rewrites: list[dict[str, Any]] = []
        self.titles: list[dict[str, Any]] = []
        self.inventor: Inventor | None = None
        self.may_go_on = False
        self.connections = 0
        self.open_streams = 0
        self.aborted_streams = 0
        self.changed = threading.Condition()
        self._address = (host, port)
        self._script: deque[Reply] = deque()
        self._rewrite_script: deque[Reply] = deque()
        self._title_script: deque[Reply] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._ready = threading.Event()
        self._stopped = asyncio.Event()
        self.port = port

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self.port}"

    @abstractmethod
    def answer(self, connection: "Connection", request: Incoming) -> None:
        """Called in the server's loop for each request, one after the other."""

    def script(self, *replies: Reply, times: int = 1) -> None:
        """Answer the next questions with `replies`, one each, the whole row `times` times over."""
        self._script.extend(replies * times)

    def script_rewrites(self, *replies: Reply) -> None:
        """The same for the next follow-ups that are to be made whole."""
        self._rewrite_script.extend(replies)

    def script_titles(self, *replies: Reply) -> None:
        """The same for the next conversations that want a title."""
        self._title_script.extend(replies)

    def reset(self) -> None:
        """Forget what was scripted, asked and counted."""
        with self.changed:
            scripts = self._script, self._rewrite_script, self._title_script
            for noted in (*scripts, self.requests, self.rewrites, self.titles):
                noted.clear()
            self.inventor = None
            self.may_go_on = False
            self.aborted_streams = 0

    def go_on(self) -> None:
        """Hold no answer up any more."""
        self.may_go_on = True

    def wait_aborted(self, timeout: float, *, streams: int = 1) -> bool:
        """Wait until clients have left `streams` answers before their end; False after `timeout` seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.aborted_streams >= streams, timeout)

    def wait_requests(self, timeout: float, *, count: int = 1) -> bool:
        """Wait until `count` questions have arrived."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.requests) >= count, timeout)

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
        kinds = {"rewrite": (self.rewrites, self._rewrite_script), "title": (self.titles, self._title_script)}
        noted, script = kinds.get(aside_of(body), (self.requests, self._script))
        with self.changed:
            noted.append(body)
            self.changed.notify_all()
        if script:
            return script.popleft()
        answer = question_aside if noted is not self.requests else self.inventor and self.inventor.answer
        return Reply(text=answer(body)) if answer else Reply()

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
        connections: set[Connection] = set()
        server = await self._loop.create_server(lambda: Connection(self, connections), *self._address, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for connection in list(connections):
            connection.drop(reset=True)


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as clients of models use it: one request after the other, bodies with a length."""

    transport: asyncio.Transport

    def __init__(self, server: StandIn, connections: set["Connection"]) -> None:
        self._server = server
        self._connections = connections
        self._received = b""
        self._stream: _Streaming | None = None

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
            first, *others = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in others)}
            self._server.answer(self, Incoming(method, target, headers, rest[:size]))

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

    def send_json(self, status: int, body: object, **headers: str) -> None:
        self.send(status, json.dumps(body).encode(), "application/json", **headers)

    def send(self, status: int, body: bytes, media_type: str, **headers: str) -> None:
        """A whole response. In the names of `headers` an underscore stands for a hyphen."""
        named = {"Content-Type": media_type, "Content-Length": str(len(body))}
        named |= {name.replace("_", "-"): value for name, value in headers.items() if value}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.transport.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)

    def stream(self, reply: Reply, stream: Stream) -> None:
        """Begin a response that comes line by line, at the reply's pace and with its fault."""
        self._stream = _Streaming(self._server, self, reply, stream)


class _Streaming:
    """One response on its way: a timer for each line and no task, so that hundreds at once cost little."""

    def __init__(self, server: StandIn, connection: Connection, reply: Reply, stream: Stream) -> None:
        self._server = server
        self._connection = connection
        self._reply = reply
        self._lines = stream.lines
        self._bad_lines = stream.bad_lines
        self._frame = Framer(reply.framing, line_ends=stream.line_ends)
        rate = server.tokens_per_second if reply.tokens_per_second is None else reply.tokens_per_second
        self._pause = 1 / rate if rate else 0.0
        wait = server.first_token_after if reply.first_token_after is None else reply.first_token_after
        self._loop = asyncio.get_running_loop()
        self._next = 0
        self._next_at = self._loop.time() + wait
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {stream.media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._output = [head.encode()]
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
            self._next_at += _HELD_PAUSE if self._is_held() else self._pause
            if self._next_at > self._loop.time() and not is_last:
                self._flush()
                self._timer = self._loop.call_at(self._next_at, self._advance)
                return
        self._finish()

    def _is_held(self) -> bool:
        held_from = self._reply.held_from
        return held_from is not None and self._next >= held_from and not self._server.may_go_on

    def _break(self, fault: Fault) -> None:
        if fault == "hang":
            if self._next:  # before the first token no head is sent either
                self._flush()
            return
        if fault in {"close", "reset"}:
            self._flush()
            self._leave()
            self._connection.drop(reset=fault == "reset")
            return
        if fault != "cut":
            self._output += self._frame(self._bad_lines[fault], is_last=False)
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
