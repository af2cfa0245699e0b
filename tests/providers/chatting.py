"""Chat models of both protocols and their stand-ins, and what tests do with them."""

from __future__ import annotations

from typing import Any

import pytest

from providers.chat import ChatDelta, ChatMessage, ChatModel, ChatRequest
from providers.chat.ollama import OllamaChat
from providers.chat.openai import OpenAIChat
from providers.errors import ProviderError
from tests.standins.ollama import OllamaStandIn
from tests.standins.openai import OpenAIStandIn

KINDS = ["ollama", "openai"]
# Both stand-ins have it.
MODEL = "stand-in:latest"
KEY = "sk-docent-key"

PROMPT = """Passages:
[1] Handbook, page 4
Employees have thirty days of leave. Unused leave expires in March.

Question: how much leave do I have?"""

Server = OllamaStandIn | OpenAIStandIn
Chat = OllamaChat | OpenAIChat


def stand_in(kind: str, **options: Any) -> Server:
    options = {"models": (MODEL,)} | options
    return OllamaStandIn(**options) if kind == "ollama" else OpenAIStandIn(key=KEY, **options)


def chat_with(server: Server, *, first_token_timeout: float = 20.0, idle_timeout: float = 20.0) -> Chat:
    """Patient: nothing it does depends on how busy the machine is."""
    if isinstance(server, OllamaStandIn):
        return OllamaChat(server.url, first_token_timeout=first_token_timeout, idle_timeout=idle_timeout)
    return OpenAIChat(
        server.base_url, api_key=KEY, first_token_timeout=first_token_timeout, idle_timeout=idle_timeout
    )


def asked(**changes: Any) -> ChatRequest:
    messages = (
        ChatMessage(role="system", content="Cite like [1]."),
        ChatMessage(role="user", content=PROMPT),
    )
    return ChatRequest(messages=messages, question="how much leave do I have?", **{"model": MODEL} | changes)


async def collect(chat: ChatModel, request: ChatRequest | None = None) -> list[ChatDelta]:
    return [delta async for delta in chat.stream(request or asked())]


def joined(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


async def broken(chat: ChatModel, request: ChatRequest | None = None) -> tuple[str, ProviderError]:
    """The text that came before the failure, and the failure, which tells nothing of the server."""
    deltas: list[ChatDelta] = []
    with pytest.raises(ProviderError) as failure:
        await _read(chat, request or asked(), deltas)
    assert not any(delta.finish_reason for delta in deltas), "a broken answer was shown as complete"
    told = str(failure.value)
    assert not any(secret in told for secret in ("10.0.0.7", "127.0.0.1", KEY)), told
    return joined(deltas), failure.value


async def _read(chat: ChatModel, request: ChatRequest, deltas: list[ChatDelta]) -> None:
    async for delta in chat.stream(request):
        deltas.append(delta)  # noqa: PERF401
