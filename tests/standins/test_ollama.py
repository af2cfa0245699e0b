"""The stand-in keeps to Ollama's protocol: the official client is the judge."""

import signal
import subprocess
import sys
import time

import httpx
import ollama
import pytest

from tests.plain import NO_TLS
from tests.standins.ollama import MODEL, OllamaStandIn, PullReply, Reply

PASSAGES = """<passage marker="1" title="Handbook" page="4">
Every employee has thirty days of leave. Leave expires in March.
</passage>
<passage marker="2" title="Menu" page="1">
Lunch is free.
</passage>"""


def chat(server: OllamaStandIn, content: str) -> list[ollama.ChatResponse]:
    return chat_at(server.url, content)


def chat_at(url: str, content: str) -> list[ollama.ChatResponse]:
    with ollama.Client(host=url) as client:
        return list(client.chat(MODEL, [{"role": "user", "content": content}], stream=True))


def text(responses: list[ollama.ChatResponse]) -> str:
    return "".join(response.message.content or "" for response in responses)


def test_the_official_client_understands_every_route() -> None:
    with OllamaStandIn() as server, ollama.Client(host=server.url) as client:
        assert [model.model for model in client.list().models] == [MODEL]
        assert [model.model for model in client.ps().models] == [MODEL]
        assert client.show(MODEL).capabilities == ["completion"]
        assert "version" in httpx.get(f"{server.url}/api/version", verify=NO_TLS).json()
        assert httpx.get(server.url, verify=NO_TLS).text == "Ollama is running"
        assert httpx.get(f"{server.url}/api/unknown", verify=NO_TLS).status_code == 404


def test_without_a_script_it_quotes_the_first_passage_and_cites_it() -> None:
    with OllamaStandIn() as server:
        responses = chat(server, PASSAGES)
        assert text(responses) == "Every employee has thirty days of leave. [1]"
        assert (responses[-1].done, responses[-1].done_reason, responses[-1].eval_count) == (True, "stop", 8)
        assert text(chat(server, "[1] Menu, page 1\nLunch is free.")) == "Lunch is free. [1]"
        assert text(chat(server, "Hello")) == "Nothing that I was given says anything about this."
        assert len(server.requests) == 3


def test_scripts_are_played_in_order_and_then_end() -> None:
    with OllamaStandIn() as server:
        server.script(Reply(text="one [9]"), Reply(text="two"), times=2)
        answers = [text(chat(server, "Hello")) for _ in range(5)]
    assert answers == [
        "one [9]",
        "two",
        "one [9]",
        "two",
        "Nothing that I was given says anything about this.",
    ]


def test_it_keeps_its_pace() -> None:
    with OllamaStandIn(tokens_per_second=100, first_token_after=0.2, answer_tokens=50) as server:
        started = time.monotonic()
        responses = chat(server, "Hello")
        assert 0.65 < time.monotonic() - started < 1.5
        assert len(responses) == 51


def test_it_holds_an_answer_until_it_may_go_on() -> None:
    with OllamaStandIn() as server:
        server.script(Reply(text="word " * 1000, held_from=10))
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
        with httpx.stream("POST", f"{server.url}/api/chat", json=body, verify=NO_TLS) as response:
            lines = response.iter_lines()
            assert len([next(lines) for _ in range(11)]) == 11
            assert server.open_streams == 1
            server.go_on()
            assert len(list(lines)) == 990


def test_it_notices_a_client_that_leaves() -> None:
    with OllamaStandIn(tokens_per_second=20, answer_tokens=1000) as server:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
        with httpx.stream("POST", f"{server.url}/api/chat", json=body, verify=NO_TLS) as response:
            lines = response.iter_lines()  # held: httpx closes the response with its iterator
            next(lines)
            assert (server.open_streams, server.aborted_streams) == (1, 0)
        assert server.wait_aborted(1)
        assert server.wait_idle(1)


def test_it_runs_as_a_command() -> None:
    command = [sys.executable, "-m", "tests.standins.ollama", "--port", "0", "--answer-tokens", "7"]
    with subprocess.Popen([*command, "--tokens-per-second", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        responses = chat_at(url, "Hello")
        try:
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 0
        finally:
            process.kill()
    assert len(responses) == 8


def test_the_official_client_gets_and_removes_models() -> None:
    with OllamaStandIn() as server, ollama.Client(host=server.url) as client:
        progress = list(client.pull("qwen3:4b", stream=True))
        assert [one.status for one in progress[:2]] == ["pulling manifest", "pulling 000000000000"]
        assert (progress[2].completed, progress[2].total, progress[-1].status) == (500, 1000, "success")
        assert [model.model for model in client.list().models] == [MODEL, "qwen3:4b"]
        assert client.show("qwen3:4b").modelinfo == {
            "general.architecture": "stand-in",
            "stand-in.context_length": 32768,
            "tokenizer.ggml.tokens": None,
        }
        assert client.delete("qwen3:4b").status == "success"
        assert [model.model for model in client.ps().models] == [MODEL]
        server.script_pulls(PullReply(error="pull model manifest: file does not exist"))
        with pytest.raises(ollama.ResponseError, match="does not exist"):
            list(client.pull("absent", stream=True))
