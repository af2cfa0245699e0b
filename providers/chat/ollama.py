"""Models that an Ollama server runs, through its native API.

The server's OpenAI-compatible twin takes no `num_ctx`: it cuts a long prompt without a word.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import httpx

from providers.chat import ollama_wire as wire
from providers.chat.answers import (
    Patience,
    drain,
    incomplete,
    next_piece,
    open_answer,
    require_text,
    together,
    unreachable,
)
from providers.chat.base import ChatDelta, ChatRequest, ModelInfo, PullProgress
from providers.chat.ndjson import NdjsonReader
from providers.chat.ollama_connection import OllamaConnection
from providers.chat.thoughts import ThoughtSplitter
from providers.errors import ProviderError


class OllamaChat:
    """Chats with an Ollama server and looks after its models.

    Tasks share one, and it may serve several event loops. `host` is written as in `OLLAMA_HOST`.
    `first_token_timeout` is the time in seconds from the call to the first token, retries included;
    `idle_timeout` that between two tokens. Retries (at most two, when the server is overloaded or failing)
    happen only before the answer begins. `keep_alive` is how long the server keeps the model in memory,
    `pull_timeout` how long a download may stand still: a large one is silent while it is verified.
    """

    name = "ollama"

    def __init__(
        self,
        host: str,
        *,
        first_token_timeout: float = 60.0,
        idle_timeout: float = 30.0,
        keep_alive: str = "10m",
        pull_timeout: float = 300.0,
    ) -> None:
        self._patience = Patience(first_token_timeout, idle_timeout)
        self._keep_alive = keep_alive
        self._pull_timeout = pull_timeout
        self._connection = OllamaConnection(host)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """Deltas as the server sends them; closing the generator closes the connection and stops the model.

        Raises ProviderError: unreachable, error, timeout, incomplete (the stream ended before the server said
        that it was done) or empty (done, but no text).
        """
        now = asyncio.get_running_loop().time
        has_begun = has_text = False
        deadline = now() + self._patience.first_token
        payload = wire.payload_of(request, keep_alive=self._keep_alive)
        response = await open_answer(lambda: self._connection.ask(payload), deadline, self._patience)
        pieces = response.aiter_raw()
        reader, thoughts = NdjsonReader(), ThoughtSplitter()
        try:
            while True:
                piece = await next_piece(pieces, deadline, self._patience, has_begun=has_begun)
                split = (thoughts.split(wire.delta_of(record)) for record in wire.records_of(reader, piece))
                for delta in together(split):
                    has_text = has_text or bool(delta.text.strip())
                    if delta.finish_reason is not None:
                        require_text(has_text=has_text)
                        await drain(pieces)
                        yield delta
                        return
                    if delta.text or delta.thinking:
                        has_begun = True
                        deadline = now() + self._patience.idle
                        yield delta
                if not piece:
                    raise incomplete()
        finally:
            await response.aclose()

    async def list_models(self) -> list[ModelInfo]:
        """The installed models that can chat, in the server's order. Raises ProviderError."""
        models = await self._installed()
        loaded = await self._loaded()
        return [_with_loaded(model, loaded) for model in models]

    async def describe(self, model: str) -> ModelInfo:
        """What the server knows of an installed model. Raises ProviderError."""
        shown = await self._connection.look_up("POST", "/api/show", {"model": model})
        listed = {wire.full_name(one.name): one for one in await self._installed()}
        known = listed.get(wire.full_name(model)) or ModelInfo(name=model, parameters=wire.parameters_of(shown))
        return _with_loaded(replace(known, context_tokens=wire.context_of(shown)), await self._loaded())

    async def pull(self, model: str) -> AsyncGenerator[PullProgress]:
        """Progress as the server tells it; closing the generator stops the download, of which what came is kept.

        Raises ProviderError, also when the download stands still or breaks off.
        """
        download = wire.Download()
        try:
            async with self._connection.open_pull(model, silence=self._pull_timeout) as pieces:
                async for piece in pieces:
                    for progress in download.feed(piece):
                        yield progress
                for progress in download.finish():
                    yield progress
        except httpx.ConnectTimeout as error:
            raise unreachable() from error
        except httpx.TimeoutException as error:
            detail = f"The download stood still for {self._pull_timeout:g} seconds."
            raise ProviderError("model_timeout", detail, permanent=False) from error
        except httpx.TransportError as error:
            raise (wire.broken_off() if download.has_begun else unreachable()) from error

    async def delete(self, model: str) -> None:
        """Remove an installed model. Raises ProviderError."""
        await self._connection.request("DELETE", "/api/delete", {"model": model})

    async def probe(self, *, timeout: float = 1.0) -> list[ModelInfo] | None:  # noqa: ASYNC109
        """The installed models, without what is loaded; None when no Ollama answers in `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                return await self._installed()
        except (ProviderError, TimeoutError):
            return None

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        await self._connection.aclose()

    async def _installed(self) -> list[ModelInfo]:
        return wire.models_of(await self._connection.look_up("GET", "/api/tags"))

    async def _loaded(self) -> frozenset[str] | None:
        try:
            return wire.loaded_of(await self._connection.look_up("GET", "/api/ps"))
        except ProviderError:
            return None  # told where it is known; nothing depends on it


def _with_loaded(model: ModelInfo, loaded: frozenset[str] | None) -> ModelInfo:
    return model if loaded is None else replace(model, is_loaded=wire.full_name(model.name) in loaded)
