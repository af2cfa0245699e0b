"""Another model for when the one that was asked for cannot answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from providers.chat.base import ChatDelta, ChatModel, ChatRequest
from providers.errors import PromptTooLong, ProviderError

# Fewer than most languages have, so that a prompt that is taken for short enough is.
_BYTES_A_TOKEN = 3


class WithFallback:
    """Asks `first`, and where that fails before the first token, `second` for its model `model`.

    The first delta says which of the two answers. `context_tokens` is the window of the second one: a prompt that
    was made for a longer one and has no room in it is not sent, for a part of it would be cut unseen. When both
    fail, the failure of the one that was asked for is told. Each has its own time for the first token.
    """

    def __init__(
        self, first: ChatModel, second: ChatModel, *, model: str, context_tokens: int | None = None
    ) -> None:
        self.name = first.name
        self._first = first
        self._second = second
        self._model = model
        self._context_tokens = context_tokens

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """The deltas of whichever answers. Raises ProviderError."""
        has_begun = False
        try:
            async with aclosing(self._first.stream(request)) as deltas:
                async for delta in deltas:
                    yield delta if has_begun else replace(delta, model=request.model)
                    has_begun = True
        except PromptTooLong:
            # A shorter prompt does: whoever made it knows what to leave out.
            raise
        except ProviderError as error:
            if has_begun or not self._has_room(request):
                raise
            failure = error
        else:
            return
        try:
            async with aclosing(self._second.stream(self._turned(request))) as deltas:
                async for delta in deltas:
                    yield delta if has_begun else replace(delta, model=self._model)
                    has_begun = True
        except ProviderError as error:
            if has_begun:
                raise
            raise failure from error

    def _turned(self, request: ChatRequest) -> ChatRequest:
        window = min(request.context_tokens, self._context_tokens or request.context_tokens)
        return replace(request, model=self._model, context_tokens=window)

    def _has_room(self, request: ChatRequest) -> bool:
        if self._context_tokens is None:
            return True
        length = sum(len(turn.content.encode()) for turn in request.messages) // _BYTES_A_TOKEN
        return length + (request.max_tokens or 0) < self._context_tokens
