"""Which model goes on with a cut answer: the one that wrote it, if that can be had. And what it says then."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from conversations.chat_models import EXTRACTIVE, Choice, OwnModels, chooser, own_models, parse_name
from conversations.selectors.conversations import access_reply
from providers.chat.base import ChatDelta, ChatRequest
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_in_tenant


async def model_to_go_on(access: Access, message_id: UUID) -> str | None:
    """By its name, "" for the conversation's own; None where there is no model at all. Raises `NotFound`."""
    wrote, own = await run_in_tenant(access.tenant_id, _writer_of, access, message_id)
    if wrote and wrote != EXTRACTIVE:
        name = parse_name(wrote)
        if own.allows(name) and await chooser().directory.may_have(own, name):
            return wrote
    return None if await chooser().quotes(own) else ""


def _writer_of(access: Access, message_id: UUID) -> tuple[str, OwnModels]:
    return access_reply(access, message_id).model, own_models()


async def rest_of(choice: Choice, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
    """What the model goes on with: nothing, if it finds that nothing is missing."""
    try:
        async with aclosing(choice.provider.stream(request)) as deltas:
            async for delta in deltas:
                yield delta
    except ProviderError as error:
        if error.code != "model_empty":
            raise
        yield ChatDelta(finish_reason="stop")
