"""The connection to a server that speaks OpenAI's API, through its SDK: responses come or fail in plain words."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from providers.chat import openai_wire as wire
from providers.chat.answers import PerLoop, unreachable
from providers.errors import ProviderError
from providers.openai_api import HEADERS_OF_NOBODY, NO_KEY, address_of, bearer, require_sendable
from providers.transports import Httpx2Transport
from providers.wire import CONNECT_TIMEOUT, PassingError, not_understood, require_ok, seconds_of, too_late, trusted

_LOOKUP_SECONDS = 5.0
_MAX_FAILURE_BYTES = 10_000
_MAX_LIST_BYTES = 10_000_000


class RequestRefused(openai.OpenAIError):
    """The server answered with another status than 200; `told` is the beginning of what it said.

    One of the SDK's own errors: those it hands on as they are.
    """

    def __init__(self, response: httpx2.Response, told: bytes) -> None:
        super().__init__(f"status {response.status_code}")
        self.told = told
        self.status = response.status_code
        self._after = seconds_of(response.headers.get("Retry-After"))

    @property
    def is_bad_request(self) -> bool:
        return self.status in {httpx2.codes.BAD_REQUEST, httpx2.codes.UNPROCESSABLE_CONTENT}

    def meaning(self) -> ProviderError | PassingError:
        """In our own words."""
        match self.status:
            case 400 | 413 | 422:
                return wire.refusal_of(self.status, self.told)
            case 429 if wire.has_no_credit(self.told):
                detail = "The account that belongs to the model server's key has no credit left."
                return ProviderError("model_error", detail, permanent=True)
            case 503 if wire.is_loading(self.told):
                detail = "The model is still being loaded; try again in a moment."
                return PassingError(ProviderError("model_error", detail, permanent=False), after=self._after)
        try:
            require_ok(self.status, model="model", task="answer", after=self._after)
        except (ProviderError, PassingError) as meaning:
            return meaning
        raise AssertionError("200 is no refusal")


@dataclass(frozen=True, slots=True)
class _Clients:
    address: str
    http: httpx2.AsyncClient
    sdk: openai.AsyncOpenAI


class OpenAIConnection:
    """`base_url` and `api_key` as they were set up. Whatever is wrong with them is a ProviderError when asked."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._clients: PerLoop[_Clients] = PerLoop(self._connect)

    @asynccontextmanager
    async def asked(self, payload: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        """The response of an answer that begins. Raises RequestRefused or ProviderError."""
        create = self._clients.get().sdk.chat.completions.with_streaming_response.create
        try:
            asked = await create(**payload).__aenter__()
        except openai.APIConnectionError as error:
            raise unreachable() from error
        try:
            yield asked.http_response
        finally:
            await asked.http_response.aclose()

    async def look_up(self, path: str, *, is_beside: bool = False) -> object:
        """The JSON under a path of the API, or of the server `beside` it. Raises ProviderError."""
        clients = self._clients.get()
        address = clients.address.removesuffix("/v1") if is_beside else clients.address
        received = bytearray()
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS), clients.http.stream("GET", address + path) as response:
                async for piece in response.aiter_raw():
                    received += piece
                    if len(received) > _MAX_LIST_BYTES:
                        raise not_understood("far more than was asked for")
            return json.loads(received)
        except TimeoutError as error:
            raise too_late() from error
        except RequestRefused as refusal:
            raise _of_look_up(refusal) from refusal
        except httpx2.TransportError as error:
            raise unreachable() from error
        except (ValueError, RecursionError) as error:
            raise not_understood("something that is not JSON") from error

    async def aclose(self) -> None:
        """Close what belongs to the running event loop."""
        clients = self._clients.pop()
        if clients is not None:
            await clients.http.aclose()

    def _connect(self) -> _Clients:
        address = address_of(self._base_url, self._api_key)
        require_sendable(address, self._api_key)
        # The address is the operator's word: neither a proxy of the environment nor a redirect may change it.
        http = httpx2.AsyncClient(
            headers={"Accept-Encoding": "identity"} | bearer(self._api_key),
            timeout=httpx2.Timeout(None, connect=CONNECT_TIMEOUT),
            transport=Httpx2Transport(trusted()),
            trust_env=False,
            follow_redirects=False,
            event_hooks={"response": [_require_ok]},
        )
        sdk = openai.AsyncOpenAI(
            base_url=address,
            api_key=self._api_key or NO_KEY,
            max_retries=0,
            timeout=http.timeout,
            default_headers=HEADERS_OF_NOBODY,
            http_client=http,
        )
        return _Clients(address, http, sdk)


async def _require_ok(response: httpx2.Response) -> None:
    """Before the SDK would read a failure of any length to its end."""
    if response.status_code == httpx2.codes.OK:
        return
    told = bytearray()
    async for piece in response.aiter_raw():
        told += piece
        if len(told) > _MAX_FAILURE_BYTES:
            break
    raise RequestRefused(response, bytes(told))


def _of_look_up(refusal: RequestRefused) -> ProviderError:
    if refusal.status == httpx2.codes.NOT_FOUND:
        detail = "The model server has no list of models where OpenAI's API has it."
        return ProviderError("model_error", detail, permanent=True)
    meaning = refusal.meaning()
    return meaning.told if isinstance(meaning, PassingError) else meaning
