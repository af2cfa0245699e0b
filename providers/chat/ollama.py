"""Models that an Ollama server runs, through its native API.

Source: https://docs.ollama.com/api. The server's OpenAI-compatible twin takes no `num_ctx`: it cuts a long
prompt without a word.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import ollama
import stamina

from providers.chat.base import ChatDelta, ChatRequest, FinishReason
from providers.chat.ndjson import MalformedLineError, NdjsonReader
from providers.errors import ProviderError
from providers.hosts import parse_host

_CONNECT_TIMEOUT = 5.0
_DRAIN_SECONDS = 0.05
_PASSING_STATUSES = frozenset({429, 500, 503})
_ATTEMPTS = 3


class _PassingError(Exception):
    """The server answered with a status after which a second try is worth it."""


class OllamaChat:
    """Chats with an Ollama server; tasks share one, and it may serve several event loops.

    `host` is written as in `OLLAMA_HOST`. `first_token_timeout` is the time in seconds from the call to the
    first token, retries included; `idle_timeout` that between two tokens. Retries (at most two, on status
    429, 500 or 503) happen only before the answer begins. `keep_alive` is how long the server keeps the model
    in memory.
    """

    name = "ollama"

    def __init__(
        self,
        host: str,
        *,
        first_token_timeout: float = 60.0,
        idle_timeout: float = 30.0,
        keep_alive: str = "10m",
    ) -> None:
        self._url = parse_host(host)
        self._first_token_timeout = first_token_timeout
        self._idle_timeout = idle_timeout
        self._keep_alive = keep_alive
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """Deltas as the server sends them; closing the generator closes the connection and stops the model.

        Raises ProviderError: unreachable, error, timeout, incomplete (the stream ended before the server said
        that it was done) or empty (done, but no text).
        """
        now = asyncio.get_running_loop().time
        has_begun = has_text = False
        deadline = now() + self._first_token_timeout
        response = await self._open(request, deadline)
        chunks = response.aiter_raw()
        reader = NdjsonReader()
        try:
            while True:
                chunk = await self._read(chunks, deadline, has_begun=has_begun)
                for record in _records(reader, chunk):
                    delta = _delta(record)
                    has_text = has_text or bool(delta.text.strip())
                    if delta.finish_reason is not None:
                        _require_text(has_text=has_text)
                        await _drain(chunks)
                        yield delta
                        return
                    if delta.text or delta.thinking:
                        has_begun = True
                        deadline = now() + self._idle_timeout
                        yield delta
                if not chunk:
                    raise _incomplete()
        finally:
            await response.aclose()

    async def list_models(self) -> list[str]:
        """Names of the installed models that can chat, in the server's order. Raises ProviderError."""
        try:
            response = await self._loop_client().get("/api/tags", timeout=_CONNECT_TIMEOUT)
            listing = _listing(response.raise_for_status().json())
        except httpx.TransportError as error:
            raise _unreachable() from error
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise _not_understood() from error
        return [model.model for model in listing.models if model.model and _can_chat(model)]

    async def probe(self, *, timeout: float = 1.0) -> list[str] | None:  # noqa: ASYNC109
        """The same within `timeout` seconds, or None when no Ollama answers."""
        try:
            async with asyncio.timeout(timeout):
                return await self.list_models()
        except (ProviderError, TimeoutError):
            return None

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _loop_client(self) -> httpx.AsyncClient:
        """Pooled connections belong to one event loop."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = _connect(self._url)
        return client

    async def _open(self, request: ChatRequest, deadline: float) -> httpx.Response:
        client = self._loop_client()
        payload = self._payload(request)
        try:
            async with asyncio.timeout_at(deadline):
                async for attempt in stamina.retry_context(
                    on=_PassingError, attempts=_ATTEMPTS, timeout=None, wait_initial=0.2, wait_jitter=0.3
                ):
                    with attempt:
                        return await _send(client, client.build_request("POST", "/api/chat", json=payload))
        except TimeoutError as error:
            raise self._too_late(has_begun=False) from error
        except _PassingError as error:
            detail = "The model server is overloaded or failing; try again in a moment."
            raise ProviderError("model_error", detail, permanent=False) from error
        except httpx.TransportError as error:
            raise _unreachable() from error
        raise AssertionError("stamina returns or raises")

    def _payload(self, request: ChatRequest) -> dict[str, object]:
        options: dict[str, object] = {"num_ctx": request.context_tokens}
        if request.max_tokens is not None:
            options["num_predict"] = request.max_tokens
        if request.temperature is not None:
            options["temperature"] = request.temperature
        return {
            "model": request.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            "stream": True,
            "keep_alive": self._keep_alive,
            "options": options,
        }

    async def _read(self, chunks: AsyncIterator[bytes], deadline: float, *, has_begun: bool) -> bytes:
        """The next bytes, or none at the end of the stream."""
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(chunks, b"")
        except TimeoutError as error:
            raise self._too_late(has_begun=has_begun) from error
        except httpx.TransportError as error:
            raise (_incomplete() if has_begun else _unreachable()) from error

    def _too_late(self, *, has_begun: bool) -> ProviderError:
        if has_begun:
            detail = f"The model fell silent for {self._idle_timeout:g} seconds in the middle of its answer."
        else:
            detail = f"The model did not begin to answer within {self._first_token_timeout:g} seconds."
        return ProviderError("model_timeout", detail, permanent=False)


def _connect(url: str) -> httpx.AsyncClient:
    # The address is the operator's word: neither a proxy of the environment nor a redirect may change it.
    return httpx.AsyncClient(
        base_url=url,
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=60),
        trust_env=False,
        verify=ssl.create_default_context(),
    )


async def _send(client: httpx.AsyncClient, message: httpx.Request) -> httpx.Response:
    response = await client.send(message, stream=True)
    if response.status_code == httpx.codes.OK:
        return response
    await response.aclose()
    if response.status_code in _PASSING_STATUSES:
        raise _PassingError(f"status {response.status_code}")
    if response.status_code == httpx.codes.NOT_FOUND:
        raise ProviderError(
            "model_error", "The model server does not have the model that was asked for.", permanent=True
        )
    raise ProviderError("model_error", "The model server refused the request.", permanent=True)


def _records(reader: NdjsonReader, chunk: bytes) -> Iterator[dict[str, object]]:
    try:
        yield from reader.feed(chunk) if chunk else reader.finish()
    except MalformedLineError as error:
        raise (_not_understood() if chunk else _incomplete()) from error


def _delta(record: dict[str, object]) -> ChatDelta:
    if record.get("error"):
        raise ProviderError("model_error", "The model server reported an error.", permanent=False)
    message = record.get("message", {})
    if not isinstance(message, dict):
        raise _not_understood()
    finish: FinishReason | None = None
    if record.get("done") is True:
        finish = "length" if record.get("done_reason") == "length" else "stop"
    return ChatDelta(
        text=_text(message.get("content")),
        thinking=_text(message.get("thinking")),
        finish_reason=finish,
        prompt_tokens=_count(record.get("prompt_eval_count")),
        completion_tokens=_count(record.get("eval_count")),
    )


def _text(value: object) -> str:
    """What can be stored and sent on: PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _not_understood()
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of the response, so that its connection can serve the next question."""
    with contextlib.suppress(TimeoutError, httpx.TransportError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in chunks:
                pass


def _listing(answer: dict[str, Any]) -> ollama.ListResponse:
    """The server's list in the client library's type; some servers say `name` alone where Ollama says both."""
    models = [{**model, "model": model.get("model") or model.get("name")} for model in answer["models"] or []]
    return ollama.ListResponse.model_validate({"models": models})


def _can_chat(model: ollama.ListResponse.Model) -> bool:
    # The list does not say what a model is for; families and names of those that only embed do.
    family = (model.details.family if model.details else None) or ""
    return "bert" not in family and "embed" not in (model.model or "")


def _require_text(*, has_text: bool) -> None:
    if not has_text:
        raise ProviderError("model_empty", "The model gave an empty answer.", permanent=False)


def _incomplete() -> ProviderError:
    return ProviderError(
        "model_incomplete", "The model server broke off before the answer was complete.", permanent=False
    )


def _unreachable() -> ProviderError:
    return ProviderError("model_unreachable", "The model server cannot be reached.", permanent=False)


def _not_understood() -> ProviderError:
    return ProviderError(
        "model_error", "The model server sent something that is not Ollama's protocol.", permanent=False
    )
