"""Saved prompts as people find them: their own, and what the organisation shares."""

from uuid import UUID

from django.db.models import Q, QuerySet

from conversations.models import SavedPrompt
from tenants.access import Access
from tenants.errors import NotFound
from tenants.permissions import Action


def list_prompts(access: Access) -> QuerySet[SavedPrompt]:
    """One's own, and what the organisation shares."""
    access.require(Action.CHAT)
    found: QuerySet[SavedPrompt] = SavedPrompt.objects.filter(Q(author_id=access.user_id) | Q(is_shared=True))
    return found


def access_prompt(access: Access, prompt_id: UUID) -> SavedPrompt:
    prompt = list_prompts(access).filter(id=prompt_id).first()
    if prompt is None:
        raise NotFound("There is no such prompt.")
    return prompt


def may_change_prompt(access: Access, prompt: SavedPrompt) -> bool:
    """Its author, and of shared ones the admins."""
    is_own = prompt.author_id == access.user_id and access.allows(Action.WRITE_PROMPTS)
    return is_own or (prompt.is_shared and access.allows(Action.MANAGE_PROMPTS))
