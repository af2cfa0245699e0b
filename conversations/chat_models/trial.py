"""A short question to a model, to see that it answers and how fast."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from conversations.chat_models.chooser import EXTRACTIVE, Choice, chooser
from conversations.chat_models.own import own_models
from conversations.chat_models.servers import parse_name
from providers.chat.base import ChatMessage, ChatRequest
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput
from tenants.limits.usage import Spender, count_tokens

_QUESTION = "Say in one short sentence what a library is."
_MAX_TOKENS = 64
_PATIENCE = 90.0
_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """Seconds to the first token and tokens a second after it, or what is wrong in plain words."""

    model: str
    time_to_first_token: float | None = None
    tokens_per_second: float | None = None
    answer: str = ""
    error: ProviderError | None = None

    def view(self) -> dict[str, Any]:
        """As programs read it."""
        error = {"code": self.error.code, "detail": self.error.detail} if self.error else None
        return {
            "model": self.model,
            "ok": self.error is None,
            "time_to_first_token": self.time_to_first_token,
            "tokens_per_second": self.tokens_per_second,
            "answer": self.answer,
            "error": error,
        }


async def try_listed(access: Access, model: str) -> Trial:
    """A model by its id, itself and no other in its place."""
    own = await run_in_tenant(access.tenant_id, own_models)
    try:
        await chooser().require(own, model)
        name = parse_name(model)
        choice = await chooser().choose_alone(own, name) if model != EXTRACTIVE else await chooser().choose(own)
    except InvalidInput as error:
        return Trial(model, error=ProviderError("model_error", error.detail, permanent=True))
    except ProviderError as error:
        return Trial(model, error=error)
    return await try_model(access, choice)


async def try_model(access: Access, choice: Choice) -> Trial:
    """Holds no database connection while the model talks; what it takes is the person's use."""
    request = ChatRequest(
        messages=(ChatMessage(role="user", content=_QUESTION),),
        question=_QUESTION,
        model=choice.model,
        max_tokens=_MAX_TOKENS,
        # The same window as for answers: with another one Ollama would load the model anew.
        context_tokens=choice.context_tokens,
    )
    trial, tokens = await _asked(choice, request)
    spender = Spender(access.user_id, access.token_id)
    count = partial(
        count_tokens, spender, model=choice.model, prompt_tokens=tokens[0], completion_tokens=tokens[1]
    )
    await run_in_tenant(access.tenant_id, count)
    return trial


async def _asked(choice: Choice, request: ChatRequest) -> tuple[Trial, tuple[int, int]]:
    began = time.perf_counter()
    first = last = None
    said, tokens = "", (0, 0)
    error: ProviderError | None = None
    try:
        async with asyncio.timeout(_PATIENCE), aclosing(choice.provider.stream(request)) as deltas:
            async for delta in deltas:
                last = time.perf_counter()
                if first is None and (delta.text or delta.thinking):
                    first = last
                said += delta.text
                if delta.finish_reason is not None:
                    tokens = (delta.prompt_tokens or 0, delta.completion_tokens or 0)
    except TimeoutError:
        error = ProviderError("model_timeout", f"The model took more than {_PATIENCE:g} seconds.", permanent=False)
    except ProviderError as raised:
        error = raised
    if said and tokens == (0, 0):
        tokens = (len(_QUESTION) // _CHARACTERS_A_TOKEN, -(-len(said) // _CHARACTERS_A_TOKEN))
    speed = None
    if first is not None and last is not None and last > first and tokens[1] and error is None:
        speed = round(tokens[1] / (last - first), 1)
    waited = None if first is None else round(first - began, 4)
    return Trial(choice.model, waited, speed, said.strip(), error), tokens
