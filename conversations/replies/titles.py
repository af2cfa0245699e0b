"""After its first answer a conversation gets a title by the model that answered, in the background.

No answer waits for it, no connection is held meanwhile, and a few at a time are made: whoever asks comes first.
Where there is no model, or it comes to nothing, the beginning of the question stays the title.
"""

import asyncio
import logging
from contextlib import aclosing
from functools import partial
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings

from conversations.chat_models import Choice
from conversations.chat_models.admission import turn_aside
from conversations.prompting.titles import title_of, title_prompt
from conversations.services.titles import find_untitled, keep_title
from conversations.streaming.announcements import announce_title
from providers.chat.base import ChatRequest
from providers.errors import ProviderError
from tenants.access import Access
from tenants.db import run_unit

logger = logging.getLogger(__name__)

_MAX_TOKENS = 32
_AT_ONCE = 2
_CHARACTERS_A_TOKEN = 4

_being_made: set[asyncio.Task[None]] = set()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def title_soon(access: Access, conversation_id: UUID, message_id: UUID, choice: Choice | None) -> None:
    """Look whether a conversation wants a title now that this answer is stored, and have the model make it."""
    if choice is None or not choice.is_model or not settings.DOCENT_TITLE_SECONDS:
        return
    task = asyncio.create_task(_make(access, conversation_id, message_id, choice), name=f"title-{conversation_id}")
    _being_made.add(task)
    task.add_done_callback(_being_made.discard)


def give_up_titles() -> None:
    """The process goes down."""
    for task in _being_made:
        task.cancel()


async def _make(access: Access, conversation_id: UUID, message_id: UUID, choice: Choice) -> None:
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))
    try:
        async with turn:
            untitled = await run_unit(partial(find_untitled, access, message_id))
            if untitled is None:
                return
            question, provisional = untitled
            async with turn_aside(access.tenant_id, choice):
                said, used = await _ask(choice, question)
        title = title_of(said)
        keep = partial(
            keep_title,
            access=access,
            conversation_id=conversation_id,
            provisional=provisional,
            title=title,
            model=choice.model,
            prompt_tokens=used[0],
            completion_tokens=used[1],
        )
        if await run_unit(keep):
            await announce_title(access, conversation_id, title, is_news=True)
    except ProviderError as error:
        logger.warning("A title stays the question's beginning: %s", error)
    except Exception:
        logger.exception("conversation %s could not be given a title", conversation_id)


async def _ask(choice: Choice, question: str) -> tuple[str, tuple[int, int]]:
    """What the model says, as far as it gets in its time, and the tokens that it took."""
    prompt = title_prompt(question)
    request = ChatRequest(
        messages=prompt,
        question=question,
        model=choice.model,
        temperature=0.0,
        max_tokens=_MAX_TOKENS,
        # The same window as for answers: with another one Ollama would load the model anew.
        context_tokens=settings.DOCENT_MODEL_CONTEXT,
    )
    said = ""
    try:
        async with (
            asyncio.timeout(settings.DOCENT_TITLE_SECONDS),
            aclosing(choice.provider.stream(request)) as deltas,
        ):
            async for delta in deltas:
                said += delta.text
                if delta.finish_reason is not None:
                    return said, (delta.prompt_tokens or 0, delta.completion_tokens or 0)
    except (ProviderError, TimeoutError) as error:
        logger.warning("A title stays the question's beginning: %s", error or "the model took too long")
    # Cut off before it said how many; and what was cut off is no title.
    used = (sum(len(turn.content) for turn in prompt) // _CHARACTERS_A_TOKEN, len(said) // _CHARACTERS_A_TOKEN)
    return "", used
