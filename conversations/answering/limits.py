"""How long an answer may be, and how long it may take: a model that does not stop by itself is stopped."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings

from providers.chat.base import ChatDelta
from providers.errors import ProviderError


async def bounded(deltas: AsyncGenerator[ChatDelta]) -> AsyncGenerator[ChatDelta]:
    """The model's deltas. Too many characters end as an answer cut at the model's own limit, to be gone on with.

    Raises `ProviderError` when it takes too long; what it said by then is kept.
    """
    until, left = time.monotonic() + settings.DOCENT_REPLY_SECONDS, settings.DOCENT_REPLY_CHARACTERS
    async with aclosing(deltas):
        async for delta in deltas:
            if time.monotonic() > until:
                detail = f"The answer took longer than {settings.DOCENT_REPLY_SECONDS:g} seconds and was cut off."
                raise ProviderError("model_timeout", detail, permanent=False)
            left -= len(delta.text) + len(delta.thinking)
            if left < 0:
                kept = delta.text[: max(0, len(delta.text) + left)]
                yield replace(delta, text=kept, thinking="", finish_reason="length")
                return
            yield delta
