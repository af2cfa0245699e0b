"""Embedders on a server, over a real socket: what they send, and what becomes of bad answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import ollama as official
import pytest

from providers.embedding.known_models import known_model
from providers.embedding.ollama import OllamaEmbedder
from providers.embedding.openai import OpenAIEmbedder
from providers.embedding.remote import MAX_DIMENSIONS, RemoteEmbedder, unit_vectors
from providers.errors import ProviderError
from tests.standins.embeddings import EmbedFault, vector_of
from tests.standins.ollama import EmbedReply, OllamaStandIn

KINDS = ["ollama", "openai"]
MODEL = "plain-embed"
TEXTS = ["The kiln is fired on Fridays.", "Night trains are refunded.", "Zażółć gęślą jaźń 窯"]


@pytest.fixture(scope="module")
def _server() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def server(_server: OllamaStandIn) -> OllamaStandIn:
    _server.reset()
    _server.dimensions = {MODEL: 12, "nomic-embed-text:v1.5": 8}
    return _server


def embedder(kind: str, server: OllamaStandIn, name: str = MODEL, **times: float) -> RemoteEmbedder:
    times = {"timeout": 20.0, "question_timeout": 20.0} | times
    if kind == "ollama":
        return OllamaEmbedder(server.url, name, **times)
    return OpenAIEmbedder(f"{server.url}/v1", "a-key", name, **times)


def failure(one: RemoteEmbedder, texts: list[str] = TEXTS, purpose: Any = "passage") -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        one.embed(texts, purpose=purpose)
    assert "10.0.0.7" not in caught.value.detail, "what the server says is not repeated"
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_the_servers_brought_to_length_one(kind: str, server: OllamaStandIn) -> None:
    one = embedder(kind, server)
    assert one.model == f"{kind}/{MODEL}"
    vectors = one.embed(TEXTS, purpose="passage")
    expected = np.array([vector_of(MODEL, text, 12) for text in TEXTS])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert vectors.shape == (3, 12)
    assert vectors.dtype == np.dtype(np.float32)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    [body] = server.embedded
    assert body["input"] == TEXTS
    if kind == "openai":
        assert (body["encoding_format"], server.keys) == ("float", ["Bearer a-key"])


@pytest.mark.parametrize("kind", KINDS)
def test_many_texts_go_in_batches_and_come_back_in_their_order(kind: str, server: OllamaStandIn) -> None:
    texts = [f"passage number {number}" for number in range(150)]
    server.script_embeddings(EmbedReply(fault="shuffled" if kind == "openai" else None))
    vectors = embedder(kind, server).embed(texts, purpose="passage")
    assert [len(body["input"]) for body in server.embedded] == [64, 64, 22]
    for place in (0, 63, 64, 149):
        assert vectors[place] @ vector_of(MODEL, texts[place], 12) > 0
        assert np.argmax(vectors @ vectors[place]) == place


def test_the_official_client_understands_the_stand_in(server: OllamaStandIn) -> None:
    with official.Client(host=server.url) as client:
        response = client.embed(MODEL, TEXTS)
    assert [len(vector) for vector in response.embeddings] == [12, 12, 12]


def test_models_are_told_what_they_were_trained_to_hear(server: OllamaStandIn) -> None:
    one = embedder("ollama", server, "nomic-embed-text:v1.5")
    one.embed(["kiln"], purpose="query")
    one.embed(["kiln"], purpose="passage")
    assert [body["input"] for body in server.embedded] == [["search_query: kiln"], ["search_document: kiln"]]


@pytest.mark.parametrize(
    ("name", "max_tokens", "query"),
    [
        ("nomic-embed-text", 2048, "search_query: "),
        ("nomic-ai/nomic-embed-text-v2-moe:latest", 512, "search_query: "),
        ("mxbai-embed-large:335m", 512, "Represent this sentence for searching relevant passages: "),
        ("snowflake-arctic-embed2", 8192, "query: "),
        ("intfloat/multilingual-e5-large", 512, "query: "),
        ("BAAI/bge-m3", 8192, ""),
        ("text-embedding-3-small", 8191, ""),
        ("sentence-transformers/all-MiniLM-L6-v2", 256, ""),
        ("something-new", 512, ""),
    ],
)
def test_what_is_known_of_models(name: str, max_tokens: int, query: str) -> None:
    assert (known_model(name).max_tokens, known_model(name).query) == (max_tokens, query)


def test_lengths_are_estimated_and_what_is_too_long_is_cut_at_the_end(server: OllamaStandIn) -> None:
    one = embedder("ollama", server)
    assert one.count_tokens(["", "abc", "abcd", "窯窯"]) == [2, 3, 4, 4]
    long = "ab窯" * 1000
    assert one.count_tokens([long])[0] > one.max_tokens == 512
    one.embed([long, "short"], purpose="passage")
    [sent, short] = server.embedded[0]["input"]
    assert (long.startswith(sent), one.count_tokens([sent]), short) == (True, [512], "short")


def test_what_a_server_refuses_as_too_long_is_cut_by_its_numbers(server: OllamaStandIn) -> None:
    one = embedder("openai", server)
    server.longest_embedded = 512
    texts = ["Thirty days. " * 80, "Every employee has leave."]
    assert one.embed(texts, purpose="passage").shape == (2, 12)
    refused, read = (body["input"] for body in server.embedded)
    assert refused == texts
    assert (texts[0].startswith(read[0]), read[1]) == (True, texts[1])
    assert 400 < len(read[0]) <= 512

    server.longest_embedded = 0
    error = failure(one)
    assert error.permanent is True
    assert "longer than the embedding model takes" in error.detail


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("garbage", "protocol"),
        ("not_json", "not JSON"),
        ("one_too_few", "2 vectors for 3 texts"),
        ("ragged", "none"),
        ("not_a_number", "without a direction"),
        ("zero", "without a direction"),
        ("words", "none"),
    ],
)
def test_no_answer_is_believed_unseen(kind: str, server: OllamaStandIn, fault: EmbedFault, words: str) -> None:
    server.script_embeddings(EmbedReply(fault=fault))
    error = failure(embedder(kind, server))
    assert (error.code, error.permanent) == ("model_error", False)
    assert words in error.detail or (kind == "openai" and "other texts" in error.detail)
    assert len(server.embedded) == 1, "what a server says wrongly it would say again"


def test_batches_of_different_lengths_are_no_answer(server: OllamaStandIn) -> None:
    server.script_embeddings(EmbedReply(), EmbedReply(fault="one_dimension_more"))
    assert "different lengths" in failure(embedder("ollama", server), [str(n) for n in range(65)]).detail


def test_vectors_that_the_database_could_not_store_are_none() -> None:
    unit_vectors([[1.0] * MAX_DIMENSIONS], count=1)
    answers: list[object] = [
        [[1.0] * (MAX_DIMENSIONS + 1)],
        [[]],
        [1.0],
        [None],
        [[None]],
        [[1e400]],
        {"0": [1.0]},
    ]
    for answer in answers:
        with pytest.raises(ProviderError):
            unit_vectors(answer, count=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "is_permanent", "calls"),
    [
        (500, False, 3),
        (503, False, 3),
        (429, False, 3),
        (400, True, 1),
        (401, True, 1),
        (501, True, 1),
        (302, True, 1),
    ],
)
def test_F24_a_refusal_says_whether_to_try_again(
    kind: str, server: OllamaStandIn, status: int, is_permanent: bool, calls: int
) -> None:
    server.script_embeddings(EmbedReply(status=status), times=3)
    error = failure(embedder(kind, server))
    assert (error.code, error.permanent, len(server.embedded)) == ("model_error", is_permanent, calls)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reply", [EmbedReply(status=429), EmbedReply(fault="reset")], ids=["429", "reset"])
def test_what_passes_is_tried_again(kind: str, server: OllamaStandIn, reply: EmbedReply) -> None:
    server.script_embeddings(reply)
    assert embedder(kind, server).embed(TEXTS, purpose="query").shape == (3, 12)
    assert len(server.embedded) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_F24_a_missing_model_is_said_to_be_missing(kind: str, server: OllamaStandIn) -> None:
    error = failure(embedder(kind, server, "absent"))
    assert (error.code, error.permanent) == ("model_error", True)
    assert error.detail == "The model server does not have the embedding model that was asked for."


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_hangs_is_left_in_time(kind: str, server: OllamaStandIn) -> None:
    server.script_embeddings(EmbedReply(fault="hang"), times=2)
    one = embedder(kind, server, timeout=20, question_timeout=0.4)
    begun = time.monotonic()
    error = failure(one, ["kiln"], "query")
    assert (error.code, error.permanent) == ("model_timeout", False)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_try_that_hangs_is_told_as_the_first(kind: str, server: OllamaStandIn) -> None:
    server.script_embeddings(EmbedReply(status=503))
    server.script_embeddings(EmbedReply(fault="hang"), times=2)
    error = failure(embedder(kind, server, timeout=20, question_timeout=1.5), ["kiln"], "query")
    assert (error.code, error.permanent, len(server.embedded)) == ("model_error", False, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_there(kind: str, server: OllamaStandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nowhere = f"http://127.0.0.1:{port}"
    one: RemoteEmbedder = (
        OllamaEmbedder(nowhere, MODEL) if kind == "ollama" else OpenAIEmbedder(f"{nowhere}/v1", "", MODEL)
    )
    error = failure(one)
    assert (error.code, error.permanent) == ("model_unreachable", False)
    assert str(port) not in error.detail


def test_without_an_address_and_a_key_nobody_is_asked() -> None:
    error = failure(OpenAIEmbedder("", "", MODEL))
    assert (error.permanent, "set up" in error.detail) == (True, True)
