"""Writes: assistants, and which of them a conversation has."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypedDict
from uuid import UUID

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.text import slugify
from django.utils.translation import gettext

from conversations.default_personas import (
    MAX_DESCRIPTION,
    MAX_INSTRUCTIONS,
    MAX_KEY,
    MAX_MODEL,
    MAX_NAME,
    MAX_QUESTION,
    MAX_QUESTIONS,
    MAX_TEMPERATURE,
    MAX_TOKENS,
    default_personas,
)
from conversations.models import Conversation, Mode, Persona, PersonaCollection
from conversations.selectors.personas import find_default, may_change, require_persona
from documents.selectors import require_collections, visible_collections
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.models import Tenant
from tenants.permissions import Action

# More than anybody finds their way in.
MAX_PERSONAS = 200


class PersonaFields(TypedDict, total=False):
    """What is said of a persona; what is left out stays, or is empty."""

    name: str
    description: str
    instructions: str
    mode: str
    temperature: float | None
    max_tokens: int | None
    model: str
    sample_questions: Sequence[str]
    is_default: bool
    collections: Sequence[UUID]


def lay_down_defaults() -> None:
    """What a new tenant starts with. Registered with `on_tenant_created`."""
    Persona.objects.bulk_create(
        Persona(slug=one.key, default_key=one.key, is_default=one.is_default, **one.columns())
        for one in default_personas()
    )


def create_persona(*, access: Access, fields: PersonaFields) -> Persona:
    """Make a persona; its slug comes from the name and never changes. Raises `InvalidInput` and `Conflict`."""
    access.require(Action.WRITE_PERSONAS)
    columns = _cleaned({"name": "", **fields})
    with tenant_atomic(access.tenant_id):
        _lock_personas(access)
        if Persona.objects.filter(archived_at=None).count() >= MAX_PERSONAS:
            raise Conflict(
                gettext("There can be {max_personas} assistants. Archive one first.").format(
                    max_personas=MAX_PERSONAS
                ),
                code="too_many",
            )
        persona = Persona(slug=_free_slug(columns["name"]), created_by_id=access.user_id)
        _apply(access, persona, columns, fields)
        record(access, "persona.created", target_kind="persona", target_id=persona.id)
    return persona


def change_persona(*, access: Access, persona: Persona, fields: PersonaFields) -> Persona:
    """Change what `fields` say. The slug stays. Raises `InvalidInput`, and `Conflict` for an archived one."""
    require_change(access, persona)
    columns = _cleaned(fields)
    with tenant_atomic(access.tenant_id):
        persona = _locked(access, persona)
        if persona.archived_at is not None:
            raise Conflict("This assistant is archived. Restore it to change it.", code="persona_archived")
        _apply(access, persona, columns, fields)
        record(access, "persona.changed", target_kind="persona", target_id=persona.id, fields=sorted(fields))
    return persona


def archive_persona(*, access: Access, persona: Persona) -> Persona:
    """Offer it no longer; conversations that have it go on without its voice. Archiving twice changes nothing."""
    require_change(access, persona)
    with tenant_atomic(access.tenant_id):
        persona = _locked(access, persona)
        if persona.archived_at is None:
            persona.archived_at, persona.is_default = timezone.now(), False
            persona.save(update_fields=["archived_at", "is_default", "updated_at"])
            record(access, "persona.archived", target_kind="persona", target_id=persona.id)
    return persona


def restore_persona(*, access: Access, persona: Persona) -> Persona:
    """Offer it again. Restoring twice changes nothing."""
    require_change(access, persona)
    with tenant_atomic(access.tenant_id):
        persona = _locked(access, persona)
        if persona.archived_at is not None:
            persona.archived_at = None
            persona.save(update_fields=["archived_at", "updated_at"])
            record(access, "persona.restored", target_kind="persona", target_id=persona.id)
    return persona


def reset_persona(*, access: Access, persona: Persona) -> Persona:
    """Bring back what Docent's own file says of it. Raises `Conflict` for one that does not come from there."""
    require_change(access, persona)
    with tenant_atomic(access.tenant_id):
        persona = _locked(access, persona)
        default = find_default(persona)
        if default is None:
            raise Conflict("This assistant was made here: there is no default to restore.", code="no_default")
        for name, value in default.columns().items():
            setattr(persona, name, value)
        persona.save()
        PersonaCollection.objects.filter(persona=persona).delete()
        record(access, "persona.reset", target_kind="persona", target_id=persona.id)
    return persona


def choose_persona(
    *, access: Access, conversation: Conversation, persona: str | None, mode: Mode | None = None
) -> Conversation:
    """Give a conversation a persona by id or slug, or take it away. Its mode comes with it unless one is given."""
    with tenant_atomic(access.tenant_id):
        chosen = None if persona is None else require_persona(access, persona, pointer="/persona")
        conversation.persona = chosen
        conversation.mode = mode or (Mode(chosen.mode) if chosen else Mode(conversation.mode))
        conversation.save(update_fields=["persona", "mode", "updated_at"])
        about = {"persona": str(chosen.id) if chosen else None, "mode": conversation.mode}
        record(access, "conversation.changed", target_kind="conversation", target_id=conversation.id, **about)
    return conversation


def change_mode(*, access: Access, conversation: Conversation, mode: Mode) -> Conversation:
    """Answer from the documents from now on, or openly."""
    with tenant_atomic(access.tenant_id):
        conversation.mode = mode
        conversation.save(update_fields=["mode", "updated_at"])
        about = {"mode": mode.value}
        record(access, "conversation.changed", target_kind="conversation", target_id=conversation.id, **about)
    return conversation


def forget_maker(user_id: UUID, removed: Counter[str]) -> None:
    """Personas stay, without who made them. Registered with `on_person_erased`."""
    changed = Persona.objects.filter(created_by_id=user_id).update(created_by_id=None)
    removed["conversations_persona.created_by_id"] += changed


def require_change(access: Access, persona: Persona) -> None:
    """`PermissionRefused` for whoever may not change the persona."""
    access.require(Action.WRITE_PERSONAS)
    if not may_change(access, persona):
        raise PermissionRefused("Only an admin or the person who made this assistant may change it.")


def _apply(access: Access, persona: Persona, columns: dict[str, Any], fields: PersonaFields) -> None:
    """Write the columns, and the links and the default where the fields speak of them. Under the lock."""
    if fields.get("is_default", persona.is_default) != persona.is_default:
        access.require(Action.MANAGE_PERSONAS)
        Persona.objects.filter(is_default=True).update(is_default=False)
    for name, value in columns.items():
        setattr(persona, name, value)
    persona.save()
    if "collections" in fields:
        chosen = require_collections(access, list(fields["collections"]), pointer="/collections/{}")
        # What its editor does not see is not theirs to take out.
        seen = PersonaCollection.objects.filter(persona=persona, collection__in=visible_collections(access))
        seen.delete()
        links = {one.id: PersonaCollection(persona=persona, collection=one) for one in chosen}
        PersonaCollection.objects.bulk_create(links.values())


def _lock_personas(access: Access) -> None:
    """Who makes or changes one at the same moment waits here: slugs and the default are one of each."""
    Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)


def _locked(access: Access, persona: Persona) -> Persona:
    _lock_personas(access)
    found: Persona | None = Persona.objects.filter(id=persona.id).first()
    if found is None:
        raise NotFound("There is no such assistant.")
    return found


def _cleaned(fields: PersonaFields) -> dict[str, Any]:
    """The columns that the fields speak of. Raises `InvalidInput` for the first that cannot be."""
    return {name: _CLEANERS[name](value) for name, value in fields.items() if name in _CLEANERS}


def _line(field: str, most: int, *, is_needed: bool = False) -> Callable[[str], str]:
    def clean(value: str) -> str:
        return _text(field, most, is_needed=is_needed)(" ".join(value.split()))

    return clean


def _text(field: str, most: int, *, is_needed: bool = False) -> Callable[[str], str]:
    def clean(value: str) -> str:
        value = value.replace("\r\n", "\n").strip()
        if "\0" in value:
            raise InvalidInput.at(f"/{field}", "Null characters are not allowed.", "null_characters_not_allowed")
        if is_needed and not value:
            raise InvalidInput.at(f"/{field}", "An assistant needs a name.", "required")
        if len(value) > most:
            raise InvalidInput.at(
                f"/{field}",
                gettext("This has at most {most} characters.").format(
                    most=number_format(most, force_grouping=True)
                ),
                "max_length",
            )
        return value

    return clean


def _mode(value: str) -> str:
    if value not in set(Mode):
        raise InvalidInput.at("/mode", "The mode is grounded or open.", "invalid_choice")
    return value


def _number(field: str, least: int, most: float) -> Callable[[Any], Any]:
    def clean(value: Any) -> Any:
        if value is not None and not least <= value <= most:
            raise InvalidInput.at(
                f"/{field}",
                gettext("This is a number from {least} to {most:g}.").format(least=least, most=most),
                "out_of_range",
            )
        return value

    return clean


def _questions(value: Sequence[str]) -> list[str]:
    questions = [" ".join(one.split()) for one in value if one.strip()]
    if len(questions) > MAX_QUESTIONS:
        detail = gettext("There can be {max_questions} sample questions.").format(max_questions=MAX_QUESTIONS)
        raise InvalidInput.at("/sample_questions", detail, "max_length")
    for place, one in enumerate(questions):
        _line(f"sample_questions/{place}", MAX_QUESTION)(one)
    return questions


_CLEANERS: dict[str, Callable[[Any], Any]] = {
    "name": _line("name", MAX_NAME, is_needed=True),
    "description": _line("description", MAX_DESCRIPTION),
    "instructions": _text("instructions", MAX_INSTRUCTIONS),
    "mode": _mode,
    "temperature": _number("temperature", 0, MAX_TEMPERATURE),
    "max_tokens": _number("max_tokens", 1, MAX_TOKENS),
    "model": _line("model", MAX_MODEL),
    "sample_questions": _questions,
    "is_default": bool,
}


def _free_slug(name: str) -> str:
    # Without underscores, which addresses and model ids do not have elsewhere.
    stem = slugify(name.replace("_", "-"))[: MAX_KEY - 10].strip("-") or "assistant"
    taken = set(Persona.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
