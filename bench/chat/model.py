"""A model server that is no load itself: Ollama's protocol, so many tokens a second, each token its own time.

A token is `number:microseconds ` of the machine's monotonic clock at the moment it is sent, so that whoever reads
it knows how late it is and whether any is missing. Titles and rewritten questions are answered at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time

MODEL = "pace"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
_ASIDES = ("Give a conversation", "Rewrite the last question")


class _Client(asyncio.Protocol):
    """One connection, one request after the other."""

    transport: asyncio.Transport

    def __init__(self, rate: float, tokens: int) -> None:
        self._rate, self._tokens = rate, tokens
        self._received = b""
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, complete, rest = self._received.partition(b"\r\n\r\n")
        size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        if complete and len(rest) >= size:
            self._received = rest[size:]
            self._answer(head.split(b" ", 2)[1].decode(), rest[:size])

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/api/chat":
            asked = json.loads(body)["messages"]
            if asked[0]["content"].startswith(_ASIDES):
                self.transport.write(_HEAD + _line("A talk about revenue") + _END)
            else:
                self._sending = asyncio.get_running_loop().create_task(self._send())
            return
        about = {"model": MODEL, "name": MODEL, "details": {"family": "pace"}}
        answers = {
            "/api/tags": {"models": [about]},
            "/api/ps": {"models": [about]},
            "/api/show": about | {"capabilities": ["completion"], "model_info": {"pace.context_length": 8192}},
        }
        told = json.dumps(answers.get(path, {})).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(told)}\r\n\r\n"
        self.transport.write(head.encode() + told)

    async def _send(self) -> None:
        begun = time.monotonic()
        self.transport.write(_HEAD)
        for number in range(self._tokens):
            await asyncio.sleep(begun + number / self._rate - time.monotonic())
            self.transport.write(_line(f"{number}:{time.monotonic_ns() // 1000} "))
        self.transport.write(_END)


def _line(content: str) -> bytes:
    line = json.dumps({"model": MODEL, "message": {"role": "assistant", "content": content}, "done": False})
    return f"{len(line) + 1:x}\r\n{line}\n\r\n".encode()


def _last() -> bytes:
    done = {"model": MODEL, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    line = json.dumps(done | {"prompt_eval_count": 2000, "eval_count": 100})
    return f"{len(line) + 1:x}\r\n{line}\n\r\n0\r\n\r\n".encode()


_END = _last()


async def _serve(rate: float, tokens: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(rate, tokens), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--tokens", type=int, default=100)
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.rate, given.tokens))
