"""The stand-in keeps to OpenAI's protocol: the official client is the judge."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.plain import NO_TLS
from tests.standins.openai import MODEL, OpenAIStandIn, Reply

PASSAGES = """<passage marker="1" title="Handbook" page="4">
Every employee has thirty days of leave. Leave expires in March.
</passage>"""


def client_of(base_url: str, key: str = "a-key") -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)


def chat(base_url: str, content: str) -> list[ChatCompletionChunk]:
    with client_of(base_url) as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": content}],
            stream=True,
            stream_options={"include_usage": True},
        )
        return list(stream)


def text(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_the_official_client_understands_it() -> None:
    with OpenAIStandIn(key="a-key") as server, client_of(server.base_url) as client:
        assert [model.id for model in client.models.list()] == [MODEL]
        chunks = chat(server.base_url, PASSAGES)
        assert text(chunks) == "Every employee has thirty days of leave. [1]"
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].usage is not None
        assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 8)
        whole = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])
        assert whole.choices[0].message.content == "Nothing that I was given says anything about this."
        assert len(server.requests) == 2


def test_the_official_client_understands_its_errors() -> None:
    with OpenAIStandIn(key="a-key") as server, client_of(server.base_url) as client:
        server.script(Reply(status=429, retry_after="7"))
        with pytest.raises(openai.RateLimitError) as limited:
            chat(server.base_url, "Hello")
        assert limited.value.response.headers["Retry-After"] == "7"
        server.script(Reply(text="one two", fault="error", fault_after=1))
        with pytest.raises(openai.APIError):
            chat(server.base_url, "Hello")
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="absent", messages=[{"role": "user", "content": "Hello"}])
        server.refuses = frozenset({"max_tokens"})
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=MODEL, messages=[], max_tokens=7)
        assert refused.value.param == "max_tokens"
    with OpenAIStandIn(key="another") as server, pytest.raises(openai.AuthenticationError):
        chat(server.base_url, "Hello")


def test_it_keeps_its_pace() -> None:
    with OpenAIStandIn(tokens_per_second=100, first_token_after=0.2, answer_tokens=50) as server:
        started = time.monotonic()
        chunks = chat(server.base_url, "Hello")
        assert 0.65 < time.monotonic() - started < 2.5
        assert len([chunk for chunk in chunks for choice in chunk.choices if choice.delta.content]) == 50


def test_it_notices_a_client_that_leaves() -> None:
    with OpenAIStandIn(tokens_per_second=20, answer_tokens=1000) as server:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
        with httpx.stream("POST", f"{server.base_url}/chat/completions", json=body, verify=NO_TLS) as response:
            lines = response.iter_lines()  # held: httpx closes the response with its iterator
            next(lines)
            assert (server.open_streams, server.aborted_streams) == (1, 0)
        assert server.wait_aborted(1)
        assert server.wait_idle(1)


def test_it_runs_as_a_command() -> None:
    command = [sys.executable, "-m", "tests.standins.openai", "--port", "0", "--answer-tokens", "7"]
    with subprocess.Popen([*command, "--tokens-per-second", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        chunks = chat(base_url, "Hello")
        try:
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 0
        finally:
            process.kill()
    assert len(chunks) == 1 + 7 + 2
