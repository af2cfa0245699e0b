"""A server that speaks OpenAI's protocol over a real socket, answers without a model and breaks on demand.

    with OpenAIStandIn(key="a-key") as server:
        server.script(Reply(text="Paris [1]."), Reply(fault="cut", fault_after=3))
        ...  # talk to server.base_url, then look at server.requests and server.keys

or as a command: `python -m tests.standins.openai --port 8080 --tokens-per-second 50 --answer-tokens 100`.
Without a script it answers from the first passage in the prompt and cites it.
"""

import argparse
import contextlib
import signal
from dataclasses import replace
from typing import Any

from tests.standins.openai_wire import (
    BAD_LINES,
    Flavour,
    answer_lines,
    error_body,
    listed_model,
    props,
    too_long,
    whole_answer,
)
from tests.standins.scripted import Reply, contents_of
from tests.standins.serving import Connection, Incoming, StandIn, Stream

__all__ = ["MODEL", "OpenAIStandIn", "Reply"]

MODEL = "stand-in-chat"
CONTEXT_TOKENS = 16384


class OpenAIStandIn(StandIn):
    """See `StandIn`. Every request must bring `key`, if there is one; `keys` are those that came with chats.

    `flavour` is whose server it seems to be. `refuses` are options of a chat that it does not know: with `is_curt`
    it does not say which. `thinks_in` is the field that thoughts come in, `usage_in` where the numbers of tokens
    are: "usage" if asked for, "x_groq", or "" for nowhere. `looked_up` are the paths of other requests.
    `longest` is how many tokens a prompt has at most, each character one, as rare scripts are; a longer one is
    refused in the words of the flavour, or of nobody who tells numbers.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        models: tuple[str, ...] = (MODEL,),
        key: str = "",
        flavour: Flavour = "openai",
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
        self.key = key
        self.flavour: Flavour = flavour
        self.context_tokens = CONTEXT_TOKENS
        self.refuses: frozenset[str] = frozenset()
        self.is_curt = False
        self.longest: int | None = None
        self.thinks_in = "reasoning_content"
        self.usage_in = "usage"
        self.keys: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.looked_up: list[str] = []

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def reset(self) -> None:
        """Forget what was scripted, asked and counted, and what it refuses."""
        super().reset()
        with self.changed:
            self.keys.clear()
            self.headers.clear()
            self.looked_up.clear()
            self.refuses = frozenset()
            self.is_curt = False
            self.longest = None
            self.thinks_in = "reasoning_content"
            self.usage_in = "usage"

    def answer(self, connection: Connection, request: Incoming) -> None:
        is_chat = (request.method, request.target) == ("POST", "/v1/chat/completions")
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        with self.changed:
            (self.keys if is_chat else self.looked_up).append(key if is_chat else request.target)
            if is_chat:
                self.headers.append(request.headers)
        if self.key and key != self.key:
            # As OpenAI does: with what came, as far as it may be shown.
            told = error_body(401, f"Incorrect API key provided: {key[:3]}***.", code="invalid_api_key")
            connection.send_json(401, told)
        elif is_chat:
            self._chat(connection, request.json())
        elif (request.method, request.target) == ("GET", "/v1/models"):
            listed = [listed_model(name, self.flavour, self.context_tokens) for name in self.models]
            connection.send_json(200, {"object": "list", "data": listed})
        elif request.target == "/props" and self.flavour == "llamacpp":
            connection.send_json(200, props(self.context_tokens, self.models[0]))
        else:
            connection.send_json(404, error_body(404, f"Invalid URL ({request.method} {request.target})"))

    def _chat(self, connection: Connection, body: dict[str, Any]) -> None:
        if refused := sorted(self.refuses & body.keys()):
            with self.changed:
                self.requests.append(body)
                self.changed.notify_all()
            connection.send_json(400, self._refusal(refused[0]))
            return
        reply = self.accept(body)
        if self.longest is not None:
            reply = replace(reply, prompt_tokens=sum(map(len, contents_of(body))))
            if (reply.prompt_tokens or 0) >= self.longest:
                told = too_long(self.flavour, reply.prompt_tokens or 0, self.longest)
                connection.send_json(400, told)
                return
        if reply.status != 200:
            told = error_body(reply.status, reply.text or f"scripted failure at {self.url}")
            connection.send_json(reply.status, told, Retry_After=reply.retry_after)
        elif body.get("model") not in self.models:
            told = error_body(404, f"The model `{body.get('model')}` does not exist", code="model_not_found")
            connection.send_json(404, told)
        elif not body.get("stream"):
            connection.send_json(200, whole_answer(reply, body, self.answer_tokens))
        else:
            lines = answer_lines(reply, body, self.answer_tokens, thinks_in=self.thinks_in, usage_in=self.usage_in)
            connection.stream(reply, Stream(list(lines), BAD_LINES, "text/event-stream", line_ends=2))

    def _refusal(self, option: str) -> dict[str, Any]:
        if self.is_curt:
            return {"object": "error", "message": "Bad Request", "code": 400}
        return error_body(400, f"Unsupported parameter: '{option}'.", code="unsupported_parameter", param=option)


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for a server of OpenAI's protocol; Ctrl-C ends it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--key", default="")
    parser.add_argument("--tokens-per-second", type=float, default=50)
    parser.add_argument("--first-token-after", type=float, default=0)
    parser.add_argument("--answer-tokens", type=int)
    options = vars(parser.parse_args())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs behind it without
    with OpenAIStandIn(**options) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.base_url, flush=True)  # noqa: T201
        signal.pause()


if __name__ == "__main__":
    main()
