"""Writes: questions in passing. Whoever asks brings what was said before, and keeps what is answered.

Question and answer are stored as everywhere, in a conversation of their own that is in no list and goes after a
day. Of what was said before nothing is stored: it comes with the next question again.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext

from conversations.answering.evidence import Question
from conversations.follow_ups import last_whole
from conversations.models import Conversation, Message, Mode, Persona
from conversations.selectors.personas import NO_VOICE, Voice, list_personas
from conversations.services.conversations import note_chosen
from conversations.services.messages import Asked, find_attempted, require_content, store_question
from documents.models import Collection
from documents.selectors import visible_collections
from providers.chat.base import ChatMessage
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import FieldError, NotFound
from tenants.permissions import Action
from tenants.services.idempotency import Attempt

KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """A question, what was said before it, and who is to answer how.

    Without a slug of a persona or a collection it is asked of everything in sight, and with a plain voice of no
    document at all.
    """

    content: str
    history: tuple[ChatMessage, ...] = ()
    persona: str = ""
    collection: str = ""
    model: str = ""
    voice: Voice = NO_VOICE


def ask_in_passing(*, access: Access, passing: Passing, process_id: UUID, attempt: Attempt | None = None) -> Asked:
    """Store the question and its pending reply. The same `attempt` gives the same messages.

    Raises `QuotaExceeded`, and `NotFound` for a persona or a collection that is not there for `access`.
    """
    access.require(Action.CHAT)
    require_content(passing.content, pointer="/messages")
    with tenant_atomic(access.tenant_id):
        if (asked := find_attempted(access, attempt)) is not None:
            return asked
        persona = _persona(access, passing.persona) if passing.persona else None
        chosen = [_collection(access, passing.collection)] if passing.collection else []
        conversation: Conversation = Conversation.objects.create(
            author_id=access.user_id,
            persona=persona,
            mode=_mode(passing, persona),
            unlisted_until=timezone.now() + KEPT_FOR,
        )
        note_chosen(conversation, chosen, ())
        question = Message(conversation=conversation, content=passing.content)
        asked = store_question(access, question, process_id, model=passing.model)
        if attempt is not None:
            attempt.keep_target(asked.message_id)
        assert asked.question is not None
        return replace(asked, question=_as_asked(asked.question, passing))


def _mode(passing: Passing, persona: Persona | None) -> Mode:
    if passing.voice.is_plain:
        return Mode.OPEN
    return Mode(persona.mode) if persona else Mode.GROUNDED


def _as_asked(question: Question, passing: Passing) -> Question:
    asked = [(turn.content, "") for turn in passing.history if turn.role == "user"]
    return replace(
        question,
        history=passing.history,
        last_whole=last_whole(asked),
        voice=_together(question.voice, passing.voice),
        wants_title=False,
        is_unlisted=True,
    )


def _together(voice: Voice, wish: Voice) -> Voice:
    """The persona's voice as whoever asks wishes it; its longest answer stays the longest."""
    if wish.is_plain:
        return wish
    limits = [limit for limit in (voice.max_tokens, wish.max_tokens) if limit is not None]
    return replace(
        wish,
        instructions="\n\n".join(one for one in (voice.instructions, wish.instructions) if one),
        temperature=voice.temperature if wish.temperature is None else wish.temperature,
        max_tokens=min(limits, default=None),
    )


def _persona(access: Access, slug: str) -> Persona:
    found = list_personas(access).filter(slug=slug).first()
    if found is None:
        raise model_not_found(f"persona/{slug}")
    return found


def _collection(access: Access, slug: str) -> Collection:
    found = visible_collections(access).filter(slug=slug).first()
    if found is None:
        raise model_not_found(f"docent/{slug}")
    return found


def model_not_found(name: str) -> NotFound:
    """The refusal of a name under which nobody answers here, whatever the reason."""
    detail = gettext("There is no model “{name}” here that this token may use.").format(name=name[:120])
    return NotFound(detail, code="model_not_found", errors=(FieldError("/model", detail, "model_not_found"),))
