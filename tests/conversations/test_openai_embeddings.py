"""OpenAI's embeddings, made by the built-in model."""

from __future__ import annotations

import numpy as np
import openai
import pytest
from langchain_openai import OpenAIEmbeddings
from pydantic import SecretStr

from tests.conversations.openai_clients import client_of
from tests.people import Person
from tests.processes import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

TEXTS = ["Paid holiday of employees", "Bicycles stand in the yard", "How much leave do staff get?"]


@pytest.fixture
def client(alice: Person, live_server: LiveServer) -> openai.OpenAI:
    return client_of(live_server, alice)


def test_texts_become_unit_vectors_in_their_order(alice: Person, client: openai.OpenAI) -> None:
    """The client asks for base64 when the caller says nothing."""
    before = alice.api.get("/api/v1/me/").json()["used"]["tokens_day"]
    made = client.embeddings.create(model="builtin", input=TEXTS)
    plain = client.embeddings.create(model="builtin", input=TEXTS[2], encoding_format="float", dimensions=384)
    vectors = np.array([one.embedding for one in made.data])
    assert ([one.index for one in made.data], vectors.shape) == ([0, 1, 2], (3, 384))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors[2], plain.data[0].embedding, atol=1e-5)
    likeness = vectors @ vectors[2]
    assert likeness[0] > likeness[1] + 0.3
    assert made.usage.prompt_tokens == made.usage.total_tokens > 12
    used = alice.api.get("/api/v1/me/").json()["used"]["tokens_day"]
    assert used - before == made.usage.total_tokens + plain.usage.total_tokens


def test_a_hundred_texts_are_as_good_as_one_by_one(client: openai.OpenAI) -> None:
    many = [f"{text} number {number}" for number in range(34) for text in TEXTS]
    made = client.embeddings.create(model="builtin", input=many)
    one = client.embeddings.create(model="builtin", input=many[77])
    np.testing.assert_allclose(made.data[77].embedding, one.data[0].embedding, atol=1e-4)


def test_LangChain_embeds(client: openai.OpenAI) -> None:
    unused = SecretStr("the client has it")
    embeddings = OpenAIEmbeddings(
        model="builtin", client=client.embeddings, check_embedding_ctx_length=False, api_key=unused
    )
    [vector] = embeddings.embed_documents([TEXTS[0]])
    expected = client.embeddings.create(model="builtin", input=TEXTS[0]).data[0].embedding
    np.testing.assert_allclose(vector, expected, atol=1e-5)
