"""Models behind OpenAI's API: OpenAI itself, Groq, vLLM, llama.cpp's server and many others."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import httpx2

from providers.chat import openai_wire as wire
from providers.chat.answers import Patience, drain, next_piece, open_answer, together
from providers.chat.base import ChatDelta, ChatRequest, ModelInfo, PullProgress
from providers.chat.openai_connection import OpenAIConnection, RequestRefused
from providers.errors import ProviderError

_USAGE_SECONDS = 1.0


class OpenAIChat:
    """Chats with a server that speaks OpenAI's API; tasks share one, and it may serve several event loops.

    `base_url` ends with `/v1` as a rule; with only a key it is OpenAI's own, with neither, nothing is asked of
    anybody. `name` is what the server is called. Times and retries are as with Ollama. Options that a server
    refuses for a model, such as one that was renamed, are left out from then on.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str = "",
        name: str = "openai",
        first_token_timeout: float = 60.0,
        idle_timeout: float = 30.0,
    ) -> None:
        self.name = name
        self._connection = OpenAIConnection(base_url, api_key)
        self._patience = Patience(first_token_timeout, idle_timeout)
        self._refused: dict[str, frozenset[str]] = {}

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """Deltas as the server sends them; closing the generator closes the connection and stops the model.

        Raises ProviderError: unreachable, error, timeout, incomplete (the stream ended and the server neither
        gave a reason nor said that it was done) or empty (complete, but no text).
        """
        now = asyncio.get_running_loop().time
        deadline = now() + self._patience.first_token
        async with AsyncExitStack() as stack:
            response = await open_answer(lambda: self._ask(request, stack), deadline, self._patience)
            pieces = response.aiter_raw()
            answer = wire.Answer()
            while not answer.is_done:
                try:
                    piece = await next_piece(pieces, deadline, self._patience, has_begun=answer.has_begun)
                    for delta in together(answer.feed(piece)):
                        deadline = now() + self._patience.idle
                        yield delta
                except ProviderError:
                    if not answer.is_whole:
                        raise
                    break
                if not piece:
                    break
                if answer.is_whole:
                    deadline = min(deadline, now() + _USAGE_SECONDS)
            last = answer.last()
            await drain(pieces)
            yield last

    async def list_models(self) -> list[ModelInfo]:
        """The models that can chat, in the server's order. Raises ProviderError."""
        return [wire.info_of(record) for record in await self._records() if wire.can_chat(record)]

    async def describe(self, model: str) -> ModelInfo:
        """What the server tells of a model. Raises ProviderError."""
        record = next((one for one in await self._records() if one["id"] == model), None)
        if record is None:
            raise wire.absent()
        return wire.info_of(record, await self._props() if wire.is_llama_cpp(record) else None)

    def pull(self, model: str) -> AsyncGenerator[PullProgress]:
        """Raises ProviderError: the protocol has no such thing."""
        raise _fixed()

    async def delete(self, model: str) -> None:
        """Raises ProviderError: the protocol has no such thing."""
        raise _fixed()

    async def probe(self, *, timeout: float = 1.0) -> list[ModelInfo] | None:  # noqa: ASYNC109
        """The models within `timeout` seconds, or None when the server gives no list."""
        try:
            async with asyncio.timeout(timeout):
                return await self.list_models()
        except (ProviderError, TimeoutError):
            return None

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        await self._connection.aclose()

    async def _ask(self, request: ChatRequest, stack: AsyncExitStack) -> httpx2.Response:
        """The response of an answer that begins; `stack` closes it. Raises ProviderError or PassingError."""
        left_out = self._refused.get(request.model, frozenset())
        while True:
            payload = wire.payload_of(request, without=left_out)
            try:
                response = await stack.enter_async_context(self._connection.asked(payload))
            except RequestRefused as refusal:
                option = wire.refused_option(refusal.told, payload) if refusal.is_bad_request else None
                if option is None:
                    raise refusal.meaning() from refusal
                left_out |= {option}
            else:
                self._refused[request.model] = left_out
                return response

    async def _records(self) -> list[dict[str, Any]]:
        return wire.models_of(await self._connection.look_up("/models"))

    async def _props(self) -> object:
        """What llama.cpp's server tells of itself, beside OpenAI's paths; None when it does not."""
        try:
            return await self._connection.look_up("/props", is_beside=True)
        except ProviderError:
            return None


def _fixed() -> ProviderError:
    detail = "This server's models are set up where it runs: none can be added or removed from here."
    return ProviderError("model_error", detail, permanent=True)
