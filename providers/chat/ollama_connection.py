"""The connection to an Ollama server: requests go out, responses come back or fail in plain words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from providers.chat import ollama_wire as wire
from providers.chat.answers import PerLoop, unreachable
from providers.hosts import parse_host
from providers.transports import HttpxTransport
from providers.wire import CONNECT_TIMEOUT, PassingError, require_ok, seconds_of, too_late, trusted

_LOOKUP_SECONDS = 5.0
_MAX_FAILURE_BYTES = 10_000


class OllamaConnection:
    """`host` is written as in `OLLAMA_HOST`; raises ValueError when that is no address."""

    def __init__(self, host: str) -> None:
        url = parse_host(host)
        self._clients = PerLoop(lambda: _connect(url))

    async def ask(self, payload: dict[str, object]) -> httpx.Response:
        """The response of an answer that begins. Raises ProviderError, PassingError or what httpx does."""
        client = self._clients.get()
        response = await client.send(client.build_request("POST", "/api/chat", json=payload), stream=True)
        try:
            _require_ok(response)
        except BaseException:
            await response.aclose()
            raise
        return response

    @asynccontextmanager
    async def open_pull(self, model: str, *, silence: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of a download's progress. Raises ProviderError or what httpx does."""
        timeout = httpx.Timeout(silence, connect=CONNECT_TIMEOUT)
        client = self._clients.get()
        async with client.stream("POST", "/api/pull", json={"model": model}, timeout=timeout) as response:
            if response.status_code != httpx.codes.OK:
                raise wire.pull_failure(await _beginning(response))
            yield response.aiter_raw()

    async def look_up(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """The JSON that the server answers with. Raises ProviderError."""
        response = await self.request(method, path, body)
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise wire.not_understood() from error

    async def request(self, method: str, path: str, body: dict[str, str] | None) -> httpx.Response:
        """Raises ProviderError unless the server has done what was asked."""
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                response = await self._clients.get().request(method, path, json=body)
            _require_ok(response)
        except TimeoutError as error:
            raise too_late() from error
        except PassingError as error:
            raise error.told from error
        except httpx.TransportError as error:
            raise unreachable() from error
        except httpx.HTTPError as error:
            raise wire.not_understood() from error
        return response

    async def aclose(self) -> None:
        """Close what belongs to the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await client.aclose()


def _connect(url: str) -> httpx.AsyncClient:
    # The address is the operator's word: neither a proxy of the environment nor a redirect may change it.
    return httpx.AsyncClient(
        base_url=url,
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT),
        transport=HttpxTransport(trusted()),
        trust_env=False,
    )


def _require_ok(response: httpx.Response) -> None:
    after = seconds_of(response.headers.get("Retry-After"))
    require_ok(response.status_code, model="model", task="answer", after=after)


async def _beginning(response: httpx.Response) -> str:
    """As much of a failure as is needed to tell why."""
    told = bytearray()
    async for piece in response.aiter_raw():
        told += piece
        if len(told) > _MAX_FAILURE_BYTES:
            break
    return told.decode(errors="replace")
