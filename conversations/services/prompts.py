"""Writes: saved prompts."""

from collections import Counter
from uuid import UUID

from django.utils.formats import number_format
from django.utils.translation import gettext

from conversations.models import SavedPrompt
from conversations.selectors.prompts import list_prompts, may_change_prompt
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.permissions import Action

MAX_TITLE, MAX_TEXT, MAX_PROMPTS = 120, 4_000, 500


def save_prompt(*, access: Access, title: str, text: str, is_shared: bool = False) -> SavedPrompt:
    """Keep a prompt. Sharing it needs a member. Raises `InvalidInput` and `Conflict`."""
    access.require(Action.WRITE_PROMPTS)
    if is_shared:
        access.require(Action.SHARE_PROMPTS)
    title, text = _clean_title(title), _clean_text(text)
    with tenant_atomic(access.tenant_id):
        if SavedPrompt.objects.filter(author_id=access.user_id).count() >= MAX_PROMPTS:
            raise Conflict(
                gettext("You can keep {max_prompts} prompts. Delete one first.").format(max_prompts=MAX_PROMPTS),
                code="too_many",
            )
        prompt: SavedPrompt = SavedPrompt.objects.create(
            author_id=access.user_id, title=title, text=text, is_shared=is_shared
        )
        record(access, "prompt.created", target_kind="prompt", target_id=prompt.id, is_shared=is_shared)
    return prompt


def change_prompt(
    *,
    access: Access,
    prompt: SavedPrompt,
    title: str | None = None,
    text: str | None = None,
    is_shared: bool | None = None,
) -> SavedPrompt:
    """Change what is given. One that is shared no longer is its author's alone again."""
    require_change(access, prompt)
    with tenant_atomic(access.tenant_id):
        prompt = _locked(access, prompt)
        if is_shared and not prompt.is_shared:
            access.require(Action.SHARE_PROMPTS)
        if is_shared is False and prompt.author_id is None:
            raise Conflict("Its author is gone: it can be deleted, and kept by nobody.", code="no_author")
        prompt.title = prompt.title if title is None else _clean_title(title)
        prompt.text = prompt.text if text is None else _clean_text(text)
        prompt.is_shared = prompt.is_shared if is_shared is None else is_shared
        prompt.save()
        record(access, "prompt.changed", target_kind="prompt", target_id=prompt.id, is_shared=prompt.is_shared)
    return prompt


def delete_prompt(*, access: Access, prompt: SavedPrompt) -> None:
    require_change(access, prompt)
    with tenant_atomic(access.tenant_id):
        prompt = _locked(access, prompt)
        record(access, "prompt.deleted", target_kind="prompt", target_id=prompt.id)
        prompt.delete()


def erase_prompts_of(user_id: UUID, removed: Counter[str]) -> None:
    """What a person kept goes; what they shared stays, without who did. Registered with `on_person_erased`."""
    own = SavedPrompt.objects.filter(author_id=user_id)
    shared = own.filter(is_shared=True).update(author_id=None)
    removed["conversations_savedprompt.author_id"] += shared
    removed[SavedPrompt._meta.db_table] += own.delete()[0]


def require_change(access: Access, prompt: SavedPrompt) -> None:
    access.require(Action.WRITE_PROMPTS)
    if not may_change_prompt(access, prompt):
        raise PermissionRefused("Only an admin or its author may change a shared prompt.")


def _locked(access: Access, prompt: SavedPrompt) -> SavedPrompt:
    found = list_prompts(access).select_for_update(no_key=True).filter(id=prompt.id).first()
    if found is None:
        raise NotFound("There is no such prompt.")
    return found


def _clean_title(title: str) -> str:
    title = " ".join(title.split())
    _require_length("title", title, MAX_TITLE, gettext("A prompt needs a title."))
    return title


def _clean_text(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    _require_length("text", text, MAX_TEXT, gettext("A prompt needs a text."))
    return text


def _require_length(field: str, value: str, most: int, needed: str) -> None:
    if not value:
        raise InvalidInput.at(f"/{field}", needed, "required")
    if "\0" in value:
        raise InvalidInput.at(f"/{field}", "Null characters are not allowed.", "null_characters_not_allowed")
    if len(value) > most:
        raise InvalidInput.at(
            f"/{field}",
            gettext("This has at most {most} characters.").format(most=number_format(most, force_grouping=True)),
            "max_length",
        )
