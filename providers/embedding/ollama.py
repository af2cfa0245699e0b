"""Embedding models that an Ollama server runs, through its native API. Source: https://docs.ollama.com/api/embed"""

import time

import httpx

from providers.embedding.remote import RemoteEmbedder, require_ok
from providers.hosts import parse_host
from providers.wire import CONNECT_TIMEOUT, not_understood, read_json, too_late, trusted, unreachable

_KEEP_ALIVE = "10m"


class OllamaEmbedder(RemoteEmbedder):
    """`host` is written as in `OLLAMA_HOST`; raises ValueError when that is no address."""

    provider = "ollama"

    def __init__(self, host: str, name: str, *, timeout: float = 60.0, question_timeout: float = 10.0) -> None:
        super().__init__(name, timeout=timeout, question_timeout=question_timeout)
        # The address is the operator's word: neither a proxy of the environment nor a redirect may change it.
        self._client = httpx.Client(
            base_url=parse_host(host),
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
            follow_redirects=False,
            verify=trusted(),
        )

    def ask(self, texts: list[str], deadline: float) -> object:
        """One `POST /api/embed`."""
        left = max(0.001, deadline - time.monotonic())
        body = {"model": self.name, "input": texts, "truncate": True, "keep_alive": _KEEP_ALIVE}
        timeout = httpx.Timeout(left, connect=min(left, CONNECT_TIMEOUT))
        try:
            with self._client.stream("POST", "/api/embed", json=body, timeout=timeout) as response:
                require_ok(response.status_code)
                answer = read_json(response.iter_raw(), deadline)
        except httpx.ConnectTimeout as error:
            raise unreachable() from error
        except httpx.TimeoutException as error:
            raise too_late() from error
        except httpx.TransportError as error:
            raise unreachable() from error
        if not isinstance(answer, dict):
            raise not_understood("something that is not Ollama's protocol")
        return answer.get("embeddings")
