"""A prompt that the model's server refuses as too long is made anew, shorter, instead of being an error.

Tokens are counted by a rule, and what a server says of its window may be out of date: only its refusal is certain.
Ollama never refuses, it cuts; llama.cpp, vLLM and others answer with an error, and often say by how much.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from conversations.events import Event, StageChanged
from conversations.prompting.budget import read_refusal
from providers.chat.base import ChatRequest
from providers.errors import PromptTooLong

logger = logging.getLogger(__name__)

# One that tells no numbers is asked with less and less.
_ATTEMPTS = 5
_SHORTER = "The model reads less at once than was thought. Asking it again with less…"


async def until_it_fits(
    request_of: Callable[[], ChatRequest], write: Callable[[ChatRequest], AsyncGenerator[Event]]
) -> AsyncGenerator[Event]:
    """The events of `write` for the first request that is not refused; each is made of what was learnt so far.

    Raises `ProviderError` where that makes none that fits, and whatever making one raises.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        request = request_of()
        try:
            async with aclosing(write(request)) as events:
                async for event in events:
                    yield event
        except PromptTooLong as refusal:
            if not read_refusal(request, refusal) or attempt == _ATTEMPTS:
                raise
            logger.info("A prompt was too long for the model %s and is made anew.", request.model)
        else:
            return
        yield StageChanged("writing", _SHORTER)
