"""An Ollama and a hosted server, as an operator names them, and people who ask them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from conversations.chat_models import chooser
from tests.people import ApiClient, Person
from tests.standins.ollama import MODEL, OllamaStandIn
from tests.standins.openai import OpenAIStandIn

OPERATORS_KEY = "operators-key-0123456789"
HOSTED = ("large", "small")
QUESTION = "What is a library?"
SERVERS = "/api/v1/models/servers/"

__all__ = ["HOSTED", "MODEL", "OPERATORS_KEY", "QUESTION", "SERVERS"]


@pytest.fixture(scope="module")
def _hosted() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn(models=HOSTED) as server:
        yield server


@pytest.fixture
def hosted(_hosted: OpenAIStandIn, ollama: OllamaStandIn, settings: Settings) -> Iterator[OpenAIStandIn]:
    """A server called `groq` that takes keys, beside the default one."""
    _hosted.reset()
    settings.OLLAMA_HOST = ollama.url
    settings.DOCENT_MODEL_SERVERS = f"groq=openai+{_hosted.base_url}"
    settings.DOCENT_MODEL_KEYS = {"GROQ": OPERATORS_KEY}
    settings.DOCENT_TITLE_SECONDS = 0.0  # the model is asked for nothing but answers
    chooser.cache_clear()
    yield _hosted
    chooser.cache_clear()


def conversation_of(person: Person) -> str:
    """A new one that asks no documents."""
    begun = person.api.post("/api/v1/conversations/", {"mode": "open"})
    return f"/api/v1/conversations/{begun.json()['id']}/messages/"


def asked(person: Person, **fields: Any) -> dict[str, Any]:
    """The answer, whatever became of it."""
    answer = person.api.post(conversation_of(person), {"content": QUESTION, **fields})
    assert answer.status_code == 201, answer.content
    message: dict[str, Any] = answer.json()
    return message


def change(client: ApiClient, server: str = "groq", **changes: Any) -> Any:
    return client.patch(SERVERS, {"server": server, **changes})


def changed(person: Person, server: str = "groq", **changes: Any) -> dict[str, Any]:
    """What the organisation's word about a server is afterwards."""
    answer = change(person.full_api, server, **changes)
    assert answer.status_code == 200, answer.content
    [found] = [one for one in answer.json()["results"] if one["server"] == server]
    return dict(found)
