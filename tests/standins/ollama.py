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
import signal
from collections import deque
from typing import Any

from tests.standins.embeddings import EmbedReply, body_of, too_large
from tests.standins.ollama_wire import (
    BAD_LINES,
    CREATED_AT,
    PullReply,
    Reply,
    answer_lines,
    described_model,
    pull_lines,
    shown_model,
)
from tests.standins.serving import Connection, Incoming, StandIn, Stream

__all__ = ["MODEL", "EmbedReply", "OllamaStandIn", "PullReply", "Reply"]

MODEL = "stand-in:latest"
CONTEXT_TOKENS = 32768
_MEDIA_TYPE = "application/x-ndjson"


class OllamaStandIn(StandIn):
    """See `StandIn`. `models` are installed; of them `loaded` are in memory (None: all).

    `context_lengths` says how long the windows of some are.

    `embedded` holds the JSON bodies of the calls to `/api/embed` and `/v1/embeddings`, `keys` the latter's
    authorization. `dimensions` says which models embed, and how. `embed_after` is how long an embedding takes, in
    seconds; models that are `held` embed nothing until they are no more. A text of more than `longest_embedded`
    characters is refused as llama.cpp does it. `pulled` and `deleted` are the models that it was told to get and
    to remove; one that was got whole is installed.
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
        super().__init__(
            host=host,
            port=port,
            tokens_per_second=tokens_per_second,
            first_token_after=first_token_after,
            answer_tokens=answer_tokens,
        )
        self.models = models
        self.loaded: frozenset[str] | None = None
        self.context_lengths: dict[str, int] = {}
        self.pulled: list[str] = []
        self.deleted: list[str] = []
        self.dimensions: dict[str, int] = {}
        self.embed_after = 0.0
        self.held: set[str] = set()
        self.embedded: list[dict[str, Any]] = []
        self.longest_embedded: int | None = None
        self.keys: list[str] = []
        self._installed_first = models
        self._embed_script: deque[EmbedReply] = deque()
        self._pull_script: deque[PullReply] = deque()

    def script_embeddings(self, *replies: EmbedReply, times: int = 1) -> None:
        """Answer the next calls that want something embedded with `replies`, as `script` does with questions."""
        self._embed_script.extend(replies * times)

    def script_pulls(self, *replies: PullReply) -> None:
        """The same for the next models that are to be got."""
        self._pull_script.extend(replies)

    def reset(self) -> None:
        """Forget what was scripted, asked and counted, the models that embed, and what was got and removed."""
        super().reset()
        with self.changed:
            self._embed_script.clear()
            self._pull_script.clear()
            self.embedded.clear()
            self.longest_embedded = None
            self.keys.clear()
            self.dimensions.clear()
            self.held.clear()
            self.embed_after = 0.0
            self.models = self._installed_first
            self.loaded = None
            self.context_lengths.clear()
            self.pulled.clear()
            self.deleted.clear()

    def wait_embedded(self, timeout: float, *, count: int = 1) -> bool:
        """Wait until something was to be embedded `count` times."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.embedded) >= count, timeout)

    def wait_pulled(self, timeout: float, *, count: int = 1) -> bool:
        """Wait until `count` models were to be got."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.pulled) >= count, timeout)

    def accept_texts(self, body: dict[str, Any], key: str) -> EmbedReply:
        """Note texts that are to be embedded and say what to do with them."""
        with self.changed:
            self.embedded.append(body)
            self.keys.append(key)
            self.changed.notify_all()
        return self._embed_script.popleft() if self._embed_script else EmbedReply()

    def answer(self, connection: Connection, request: Incoming) -> None:
        match (request.method, request.target):
            case ("POST", "/api/chat"):
                self._chat(connection, request.json())
            case ("POST", "/api/embed" | "/v1/embeddings"):
                self._embed(connection, request)
            case ("POST", "/api/show"):
                self._show(connection, request.json())
            case ("POST", "/api/pull"):
                self._pull(connection, request.json())
            case ("DELETE", "/api/delete"):
                self._delete(connection, request.json())
            case ("GET", "/api/tags"):
                connection.send_json(200, {"models": [described_model(name) for name in self.models]})
            case ("GET", "/api/ps"):
                loaded = [name for name in self.models if self.loaded is None or name in self.loaded]
                described = [described_model(name) | {"expires_at": CREATED_AT} for name in loaded]
                connection.send_json(200, {"models": described})
            case ("GET", "/api/version"):
                connection.send_json(200, {"version": "0.12.0"})
            case ("GET" | "HEAD", "/"):
                connection.send(200, b"Ollama is running", "text/plain")
            case _:
                connection.send_json(404, {"error": "404 page not found"})

    def _has(self, name: str | None) -> bool:
        """Whether it has a model, by its name or without the tag of the latest."""
        return name in self.models or f"{name}:latest" in self.models

    def _absent(self, connection: Connection, body: dict[str, Any]) -> None:
        connection.send_json(404, {"error": f"model '{body.get('model')}' not found"})

    def _show(self, connection: Connection, body: dict[str, Any]) -> None:
        if not self._has(name := body.get("model")):
            self._absent(connection, body)
            return
        connection.send_json(200, shown_model(MODEL, self.context_lengths.get(str(name), CONTEXT_TOKENS)))

    def _delete(self, connection: Connection, body: dict[str, Any]) -> None:
        name = str(body.get("model"))
        if not self._has(name):
            self._absent(connection, body)
            return
        with self.changed:
            self.deleted.append(name)
            self.models = tuple(one for one in self.models if one not in {name, f"{name}:latest"})
            self.changed.notify_all()
        connection.send(200, b"", "application/json")

    def _pull(self, connection: Connection, body: dict[str, Any]) -> None:
        reply = self._pull_script.popleft() if self._pull_script else PullReply()
        name = str(body.get("model"))
        with self.changed:
            self.pulled.append(name)
            if not reply.error and reply.reply.fault is None and not self._has(name):
                self.models += (name,)
            self.changed.notify_all()
        if reply.status != 200:
            connection.send_json(reply.status, {"error": reply.error})
        else:
            connection.stream(reply.reply, Stream(list(pull_lines(reply)), BAD_LINES, _MEDIA_TYPE))

    def _chat(self, connection: Connection, body: dict[str, Any]) -> None:
        reply = self.accept(body)
        if reply.status != 200:
            error = {"error": f"scripted failure at {self.url}"}
            connection.send_json(reply.status, error, Retry_After=reply.retry_after)
        elif body.get("model") not in self.models:
            self._absent(connection, body)
        else:
            lines = list(answer_lines(reply, body, self.answer_tokens))
            connection.stream(reply, Stream(lines, BAD_LINES, _MEDIA_TYPE))

    def _embed(self, connection: Connection, request: Incoming) -> None:
        body = request.json()
        reply = self.accept_texts(body, request.headers.get("authorization", ""))
        size = self.dimensions.get(str(body.get("model")))
        if reply.fault == "hang":
            return
        if reply.fault == "reset":
            connection.drop(reset=True)
            return
        if reply.status != 200:
            send = (reply.status, b'{"error": "scripted failure at http://10.0.0.7:8080"}')
        elif size is None:
            send = (404, json.dumps({"error": f"model '{body.get('model')}' not found"}).encode())
        elif (
            self.longest_embedded is not None and (longest := max(map(len, body["input"]))) > self.longest_embedded
        ):
            send = (500, too_large(longest, self.longest_embedded))
        else:
            send = (200, body_of(reply, body, size, is_native=request.target == "/api/embed"))
        wait = self.embed_after if reply.after is None else reply.after
        later = asyncio.get_running_loop().call_later
        later(wait, self._send_unless_held, connection, body.get("model"), *send)

    def _send_unless_held(self, connection: Connection, model: object, status: int, body: bytes) -> None:
        if model in self.held:
            later = asyncio.get_running_loop().call_later
            later(0.02, self._send_unless_held, connection, model, status, body)
        else:
            connection.send(status, body, "application/json")


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
