"""Writes: the title that a model found for a conversation."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from conversations.models import Conversation, Message, Role, Status
from tenants.access import Access
from tenants.database.prepared_queries import Prepared
from tenants.db import tenant_atomic
from tenants.limits.usage import Spender, count_tokens

_ANSWERED = (Status.FINISHED, Status.REFUSED)


def find_untitled(access: Access, message_id: UUID) -> tuple[str, str] | None:
    """The first question and the title made of it, where this answer is the first and nobody has named it."""
    with tenant_atomic(access.tenant_id):
        for question, title, answers in _untitled.rows(reply=message_id):
            return None if len(answers) > 1 else (question, title)
    return None


def _first_answered(reply: UUID) -> Any:
    """Of the conversation that nobody has named: question, title, and answers, of which two are enough."""
    found = Message.objects.filter(id=reply, status__in=_ANSWERED, conversation__has_manual_title=False)
    found = found.exclude(conversation__title="").filter(conversation__unlisted_until=None)
    of_it = Message.objects.filter(conversation=OuterRef("conversation"), role=Role.ASSISTANT)
    answers = of_it.filter(status__in=_ANSWERED).values("id")[:2]
    return found.values_list("parent__content", "conversation__title", ArraySubquery(answers))


_untitled = Prepared(_first_answered)


def keep_title(
    *,
    access: Access,
    conversation_id: UUID,
    provisional: str,
    title: str,
    model: str,
    prompt_tokens: int,
    completion_tokens: int,
) -> bool:
    """Count what it took, and give the conversation its title, if there is one, never over another name."""
    with tenant_atomic(access.tenant_id):
        spender = Spender(access.spender_id, access.token_id)
        count_tokens(spender, model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
        if not title or title == provisional:
            return False
        unnamed = Conversation.objects.filter(id=conversation_id, has_manual_title=False, title=provisional)
        return bool(unnamed.filter(unlisted_until=None).update(title=title))
