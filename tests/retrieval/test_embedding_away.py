"""While the embedding model cannot be used: words are compared, nothing false is said, others are not held up."""

from __future__ import annotations

import asyncio
import io
import time
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from pytest_django import Settings

from conversations.answering.evidence import Question
from conversations.answering.pipeline import Outcome, answer
from conversations.models import Mode as AnswerMode
from documents.models import EmbeddingIndex
from providers.errors import ProviderError
from retrieval.search import embed_question_aside
from retrieval.types import Scope
from tests.documents.indexed import made_index, stocked
from tests.people import Person
from tests.standins.ollama import EmbedReply, OllamaStandIn

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/search/"
TEXTS = ["The kiln is fired on Fridays.", "Night trains are refunded when the receipt is kept.", "Lunch is free."]


@pytest.fixture(autouse=True)
def models(ollama: OllamaStandIn, settings: Settings, alice: Person) -> OllamaStandIn:
    """Its one model is not there any more."""
    settings.DOCENT_OPENAI_BASE_URL = f"{ollama.url}/v1"
    settings.DOCENT_QUESTION_TIMEOUT = 0.5
    made_index(alice, "openai/old-embed")
    stocked(alice, "notes.txt", TEXTS)
    return ollama


def asked(person: Person, mode: str, query: str = "Are night trains refunded?") -> Any:
    return person.api.post(PATH, {"query": query, "mode": mode})


@pytest.mark.parametrize("fault", ["absent", "failing", "hanging"])
def test_F24_hybrid_search_goes_by_words_and_search_by_meaning_says_why_not(
    alice: Person, models: OllamaStandIn, fault: str
) -> None:
    if fault != "absent":
        models.dimensions = {"old-embed": 12}
        models.script_embeddings(
            EmbedReply(**({"status": 400} if fault == "failing" else {"fault": "hang"})), times=2
        )
    response = asked(alice, "hybrid")
    assert response.status_code == 200
    assert [hit["text"] for hit in response.json()["results"]] == [TEXTS[1]]
    refused = asked(alice, "vector")
    assert refused.status_code == 503
    codes = {"absent": "model_error", "failing": "model_error", "hanging": "model_timeout"}
    assert refused.json()["code"] == codes[fault]
    assert "127.0.0.1" not in refused.content.decode()
    assert [hit["text"] for hit in asked(alice, "lexical").json()["results"]] == [TEXTS[1]]
    models.dimensions = {"old-embed": 12}
    assert len(asked(alice, "vector").json()["results"]) == 3


def test_nobody_who_asks_another_model_waits_for_one_that_hangs(
    alice: Person, models: OllamaStandIn, settings: Settings
) -> None:
    models.dimensions = {"old-embed": 12, "other": 12}
    settings.DOCENT_QUESTION_TIMEOUT = 1.3
    models.script_embeddings(EmbedReply(fault="hang"), times=8)

    async def race() -> tuple[float, list[object]]:
        hung = EmbeddingIndex(model="openai/old-embed", dimensions=12)
        other = EmbeddingIndex(model="openai/other", dimensions=12)
        waiting = [asyncio.create_task(embed_question_aside(hung, "kiln")) for _ in range(12)]
        await asyncio.to_thread(models.wait_embedded, 10, count=8)
        begun = time.monotonic()
        await embed_question_aside(other, "kiln")
        took = time.monotonic() - begun
        return took, list(await asyncio.gather(*waiting, return_exceptions=True))

    took, ends = asyncio.run(race())
    assert took < 1
    assert sum(isinstance(end, ProviderError) and end.code == "model_timeout" for end in ends) == 8


@pytest.mark.parametrize(
    ("question", "is_answered"), [("Are night trains refunded?", True), ("Wie hoch ist der Eiffelturm?", False)]
)
def test_an_answer_says_that_only_words_were_compared(alice: Person, question: str, is_answered: bool) -> None:
    access, outcome = alice.access, Outcome()
    wanted = Question(
        access=access,
        conversation_id=uuid4(),
        message_id=uuid4(),
        text=question,
        mode=AnswerMode.GROUNDED,
        scope=Scope(),
    )

    async def told() -> list[str]:
        return [getattr(one, "detail", "") or getattr(one, "text", "") async for one in answer(wanted, outcome)]

    details = asyncio.run(told())
    assert "The embedding model is away: searching by words alone…" in details
    if is_answered:
        assert outcome.finish_reason == "stop"
        assert "Night trains are refunded" in "".join(details)
    else:
        assert outcome.finish_reason == "refused"
        assert "only words were compared, and none were found" in "".join(details)


def test_the_command_line_says_so_too(alice: Person) -> None:
    output, errors = io.StringIO(), io.StringIO()
    call_command("search", "night trains", tenant="acme", stdout=output, stderr=errors)
    assert "Night trains are refunded" in output.getvalue()
    assert errors.getvalue() == "The embedding model cannot be used just now: only words were compared.\n"
