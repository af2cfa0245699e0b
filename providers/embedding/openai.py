"""Embedding models behind OpenAI's API: OpenAI itself, vLLM, llama.cpp and many others.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

import json
import time
from functools import cached_property

import httpx2
import openai

from providers.embedding.remote import RemoteEmbedder, require_ok
from providers.openai_api import HEADERS_OF_NOBODY, NO_KEY, address_of, too_long
from providers.wire import CONNECT_TIMEOUT, not_understood, read_json, too_late, unreachable


class OpenAIEmbedder(RemoteEmbedder):
    """`base_url` ends with `/v1` as a rule; with only a key it is OpenAI's own.

    With neither, nothing is asked of anybody: embedding raises ProviderError.
    """

    provider = "openai"

    def __init__(
        self, base_url: str, api_key: str, name: str, *, timeout: float = 60.0, question_timeout: float = 10.0
    ) -> None:
        super().__init__(name, timeout=timeout, question_timeout=question_timeout)
        self._base_url = base_url
        self._api_key = api_key

    def ask(self, texts: list[str], deadline: float) -> object:
        """One `POST /embeddings`. As floats: the SDK would ask for base64, which not every server knows."""
        left = max(0.001, deadline - time.monotonic())
        try:
            with self._client.embeddings.with_streaming_response.create(
                model=self.name,
                input=texts,
                encoding_format="float",
                timeout=httpx2.Timeout(left, connect=min(left, CONNECT_TIMEOUT)),
            ) as response:
                require_ok(response.status_code)
                return _in_order(read_json(response.iter_bytes(), deadline))
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise too_late() from error
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            raise unreachable() from error
        except openai.APIStatusError as error:
            # llama.cpp says so with the status of a server that fails.
            if refusal := too_long(json.dumps(error.body).casefold()):
                raise refusal from error
            require_ok(error.status_code)
            raise AssertionError("the SDK takes a success for an error") from error

    @cached_property
    def _client(self) -> openai.OpenAI:
        address = address_of(self._base_url, self._api_key)
        # The address is the operator's word: neither a proxy of the environment nor a redirect may change it.
        return openai.OpenAI(
            base_url=address,
            api_key=self._api_key or NO_KEY,
            default_headers=HEADERS_OF_NOBODY,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(trust_env=False, follow_redirects=False),
        )


def _in_order(answer: object) -> object:
    """The vectors in the order of the texts, which `index` says where a server tells it."""
    records = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise not_understood("something that is not OpenAI's protocol")
    places = [record.get("index") for record in records]
    if any(place is not None for place in places):
        if sorted(place for place in places if isinstance(place, int)) != list(range(len(records))):
            raise not_understood("vectors of other texts")
        records = sorted(records, key=lambda record: record["index"])
    return [record.get("embedding") for record in records]
