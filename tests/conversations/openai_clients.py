"""OpenAI's own client, pointed at Docent, and what it gives read plainly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer

QUESTION = "How many days of paid holiday does a full-time employee have?"
ANSWER = "Every full-time employee has 28 days – “twenty-eight” 🏖️ – a year [1]."
CHAT = "/openai/v1/chat/completions"


def base_url(server: LiveServer) -> str:
    return f"{server.url}/openai/v1"


def client_of(server: LiveServer, person: Person, token: str = "") -> openai.OpenAI:
    """Without retries: each refusal is seen."""
    return openai.OpenAI(
        base_url=base_url(server),
        api_key=token or person.token,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def async_client_of(server: LiveServer, person: Person) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=base_url(server),
        api_key=person.token,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    )


def users(*texts: str) -> list[Any]:
    return [{"role": "user", "content": text} for text in texts]


def body(question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"model": "docent", "messages": users(question), **more}


def message_of(answer: ChatCompletion | ChatCompletionChunk) -> str:
    """The id of the message that an answer is."""
    return answer.id.removeprefix("chatcmpl-")


def post(server: LiveServer, person: Person, asked: dict[str, Any], **options: Any) -> httpx.Response:
    """As a program without any library does it."""
    headers = {"Authorization": f"Bearer {person.token}"}
    options.setdefault("timeout", 30)
    return httpx.post(
        f"{server.url}{CHAT}", json=asked, headers=headers, trust_env=False, verify=NO_TLS, **options
    )


def frames(raw: str) -> Iterator[Any]:
    """What the lines of a stream say; comments are left out, and nothing else may stand there."""
    assert raw.endswith("\n\n")
    for frame in raw.removesuffix("\n\n").split("\n\n"):
        if frame.startswith(":"):
            continue
        assert frame.startswith("data: "), frame
        assert "\n" not in frame
        said = frame.removeprefix("data: ")
        yield said if said == "[DONE]" else json.loads(said)
