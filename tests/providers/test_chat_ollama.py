"""What is Ollama's own: the request, and how its address is written."""

from __future__ import annotations

import httpx
import ollama
import pytest

from providers.chat.base import ChatDelta
from providers.chat.ollama import OllamaChat
from providers.hosts import parse_host
from tests.providers.chatting import PROMPT, asked, collect
from tests.standins.ollama import MODEL, OllamaStandIn, Reply


async def test_the_request_carries_window_length_and_temperature() -> None:
    with OllamaStandIn() as server:
        chat = OllamaChat(server.url)
        await collect(chat, asked(temperature=0.0, max_tokens=300, context_tokens=4096))
        await collect(chat, asked())
        await chat.aclose()

    assert server.requests[0] == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Cite like [1]."},
            {"role": "user", "content": PROMPT},
        ],
        "stream": True,
        "keep_alive": "10m",
        "options": {"num_ctx": 4096, "num_predict": 300, "temperature": 0.0},
    }
    assert server.requests[1]["options"] == {"num_ctx": 8192}


async def test_the_last_delta_has_the_numbers_of_tokens() -> None:
    with OllamaStandIn() as server:
        chat = OllamaChat(server.url)
        server.script(Reply(text="Thirty days [1].", thinking="The handbook says so."))
        assert (await collect(chat))[-1] == ChatDelta(finish_reason="stop", prompt_tokens=26, completion_tokens=3)
        await chat.aclose()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        (" box:80 ", "http://box:80"),
        (":8080", "http://127.0.0.1:8080"),
        ("10.0.0.7", "http://10.0.0.7:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:80", "http://[::1]:80"),
        ("http://box", "http://box:80"),
        ("https://box", "https://box:443"),
        ("https://box:8443/models/", "https://box:8443/models"),
        ("box/models", "http://box:11434/models"),
    ],
)
def test_hosts_are_read_as_ollama_reads_them(host: str, url: str) -> None:
    assert parse_host(host) == url
    # The official client is the reference.
    with ollama.Client(host=host.strip()) as client:
        assert str(client._client.base_url).rstrip("/") == str(httpx.URL(url)).rstrip("/")
