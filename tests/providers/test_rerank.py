"""Re-ranking over a real socket: what is sent, and what becomes of bad answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import get_args

import pytest

from providers.errors import ProviderError
from providers.rerank import RerankRequest
from providers.rerank.http import HttpReranker
from tests.standins.rerank import Fault, RerankReply, RerankStandIn

REQUEST = RerankRequest(
    "When is the kiln fired?", ("Lunch is free.", "The kiln is fired on Fridays.", "A kiln is hot.")
)
SCORES = [0.18, 0.72, 0.36]
HANDSHAKES = {"hang", "reset", "trickle", "redirect"}
MALFORMED = sorted(set(get_args(Fault)) - HANDSHAKES)


@pytest.fixture
def server() -> Iterator[RerankStandIn]:
    with RerankStandIn() as running:
        yield running


def reranker(server: RerankStandIn, key: str = "", timeout: float = 20.0) -> HttpReranker:
    return HttpReranker(server.url, key, "judge-v2", timeout=timeout)


def failure(one: HttpReranker) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        one.rerank(REQUEST)
    for secret in ("10.0.0.7", "127.0.0.1", "dct-secret", "a-key"):
        assert secret not in str(caught.value)
    return caught.value


def test_the_request_is_of_the_protocols_shape_and_scores_come_in_the_order_of_the_texts(
    server: RerankStandIn,
) -> None:
    assert reranker(server, "a-key").rerank(REQUEST) == SCORES
    assert server.requests == [
        {"model": "judge-v2", "query": REQUEST.query, "documents": list(REQUEST.documents), "top_n": 3}
    ]
    assert (server.keys, server.paths) == (["Bearer a-key"], ["/v1/rerank"])


def test_without_key_and_model_neither_is_sent(server: RerankStandIn) -> None:
    assert HttpReranker(f"{server.url}/", "", "", timeout=20.0).rerank(REQUEST) == SCORES
    assert (server.keys, server.paths) == ([None], ["/v1/rerank"])
    assert set(server.requests[0]) == {"query", "documents", "top_n"}


@pytest.mark.parametrize("fault", MALFORMED)
def test_no_answer_is_believed_unseen(server: RerankStandIn, fault: Fault) -> None:
    server.script(RerankReply(fault=fault))
    error = failure(reranker(server))
    assert (error.code, error.permanent) == ("model_error", False)
    assert len(server.requests) == 1, "what a server says wrongly it would say again"


@pytest.mark.parametrize("reply", [RerankReply(500), RerankReply(429), RerankReply(fault="reset")])
def test_what_passes_is_tried_once_more(server: RerankStandIn, reply: RerankReply) -> None:
    server.script(reply)
    assert reranker(server).rerank(REQUEST) == SCORES
    assert len(server.requests) == 2
    server.script(reply, times=2)
    assert not failure(reranker(server)).permanent
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "reply", [RerankReply(401), RerankReply(404), RerankReply(422), RerankReply(fault="redirect")]
)
def test_what_stays_wrong_is_not(server: RerankStandIn, reply: RerankReply) -> None:
    server.script(reply)
    assert failure(reranker(server, "a-key")).permanent
    assert server.paths == ["/v1/rerank"]


@pytest.mark.parametrize("fault", ["hang", "trickle"])
def test_it_ends_when_its_time_is_over(server: RerankStandIn, fault: Fault) -> None:
    server.script(RerankReply(fault=fault))
    begun = time.monotonic()
    assert failure(reranker(server, timeout=0.4)).code == "model_timeout"
    assert time.monotonic() - begun < 2


def test_nobody_there_and_no_address_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert failure(HttpReranker(address, "", "", timeout=5.0)).code == "model_unreachable"
    for base_url, key in (("http://models:none", ""), (address, "Schlüssel-ß-窯")):
        assert failure(HttpReranker(base_url, key, "", timeout=5.0)).permanent
