"""Re-ranking models behind `POST {base}/rerank`: Jina, Cohere, vLLM, llama.cpp and others.

Sources: https://jina.ai/reranker/ and https://docs.cohere.com/reference/rerank
"""

import math
import time
from functools import cached_property

import httpx

from providers.errors import ProviderError
from providers.rerank.base import RerankRequest
from providers.wire import (
    CONNECT_TIMEOUT,
    not_understood,
    read_json,
    require_ok,
    too_late,
    trusted,
    try_again,
    unreachable,
)

# Somebody waits: one second try, and only while there is time.
_ATTEMPTS = 2


class HttpReranker:
    """`base_url` is all before `/rerank`. A call has `timeout` seconds, a second try included.

    Without `model` the server takes the one that it has.
    """

    def __init__(self, base_url: str, api_key: str, model: str, *, timeout: float) -> None:
        self.model = model
        self._base_url = base_url.rstrip("/")
        self._headers = {"Accept-Encoding": "identity"} | (
            {"Authorization": f"Bearer {api_key}"} if api_key else {}
        )
        self._timeout = timeout

    def rerank(self, request: RerankRequest) -> list[float]:
        """Scores in the order of the texts. Raises ProviderError."""
        deadline = time.monotonic() + self._timeout
        return try_again(lambda: self._ask(request, deadline), deadline, attempts=_ATTEMPTS)

    def _ask(self, request: RerankRequest, deadline: float) -> list[float]:
        left = max(0.001, deadline - time.monotonic())
        timeout = httpx.Timeout(left, connect=min(left, CONNECT_TIMEOUT))
        count = len(request.documents)
        body = {"query": request.query, "documents": list(request.documents), "top_n": count}
        if self.model:
            body["model"] = self.model
        try:
            with self._client.stream("POST", f"{self._base_url}/rerank", json=body, timeout=timeout) as response:
                require_ok(response.status_code, model="re-ranking model", task="re-rank the passages")
                return relevances(read_json(response.iter_raw(), deadline), count=count)
        except httpx.ConnectTimeout as error:
            raise unreachable() from error
        except httpx.TimeoutException as error:
            raise too_late() from error
        except httpx.TransportError as error:
            raise unreachable() from error
        except (httpx.InvalidURL, UnicodeError) as error:
            detail = "The address of the re-ranking server, or its key, is none."
            raise ProviderError("model_error", detail, permanent=True) from error

    @cached_property
    def _client(self) -> httpx.Client:
        # The address is the operator's word: neither a proxy of the environment nor a redirect may change it.
        return httpx.Client(headers=self._headers, trust_env=False, follow_redirects=False, verify=trusted())


def relevances(answer: object, *, count: int) -> list[float]:
    """`relevance_score` of each text. Raises ProviderError unless every text has exactly one, a finite number."""
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise not_understood("something that is not the protocol of re-ranking")
    scores: dict[int, float] = {}
    for one in results:
        index, score = one.get("index"), one.get("relevance_score")
        if type(index) is not int or index in scores:
            raise not_understood("scores of other texts")
        if type(score) not in {int, float} or not _is_finite(score):
            raise not_understood("scores that are none")
        scores[index] = float(score)
    if scores.keys() != set(range(count)):
        raise not_understood(f"scores of other texts than the {count} that were asked about")
    return [scores[place] for place in range(count)]


def _is_finite(score: float) -> bool:
    try:
        return math.isfinite(score)
    except OverflowError:  # a whole number beyond every float
        return False
