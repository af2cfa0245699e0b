"""Assistants as people and conversations find them, and what one adds to a question.

An organisation's personas are seen by all of it. What a persona searches is narrowed by its asker's sight, as
everything is; it widens nobody's.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from conversations.default_personas import DefaultPersona, default_personas
from conversations.models import Conversation, Persona, PersonaCollection
from documents.selectors import visible_collections
from tenants.access import Access
from tenants.errors import InvalidInput, NotFound
from tenants.permissions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a persona has a question answered, or whoever asks wishes it; empty without either.

    Docent's own rules stand above `instructions`. A plain one speaks for the model alone: what it is told and
    what it says pass as they are.
    """

    instructions: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    model: str = ""
    is_plain: bool = False

    @property
    def sampling(self) -> dict[str, Any]:
        """What the model server hears of it beside the prompt."""
        return {name: getattr(self, name) for name in ("temperature", "max_tokens", "top_p", "seed", "stop")}


NO_VOICE = Voice()


def list_personas(access: Access, *, is_archived: bool = False) -> QuerySet[Persona]:
    access.require(Action.CHAT)
    found: QuerySet[Persona] = Persona.objects.filter(archived_at__isnull=not is_archived)
    return found


def access_persona(access: Access, persona_id: UUID) -> Persona:
    """One of the organisation's, archived ones too."""
    access.require(Action.CHAT)
    persona: Persona | None = Persona.objects.filter(id=persona_id).first()
    if persona is None:
        raise NotFound("There is no such assistant.")
    return persona


def require_persona(access: Access, wanted: str, *, pointer: str) -> Persona:
    """The persona of an id or a slug in a body. Archived, foreign and missing ones are the same `InvalidInput`."""
    offered = list_personas(access)
    by_id = _uuid(wanted)
    found = by_id and offered.filter(id=by_id).first()
    found = found or offered.filter(slug=wanted.replace("\0", "")).first()
    if not found:
        raise InvalidInput.at(pointer, "There is no such assistant.", "unknown_id")
    return found


def may_change(access: Access, persona: Persona) -> bool:
    """Members change what they made, admins all."""
    is_own = persona.created_by_id == access.user_id and access.allows(Action.WRITE_PERSONAS)
    return is_own or access.allows(Action.MANAGE_PERSONAS)


def find_default(persona: Persona) -> DefaultPersona | None:
    """The entry of the file that it came from, if that is still there."""
    return next((one for one in default_personas() if one.key == persona.default_key), None)


def differs_from_default(persona: Persona) -> bool:
    """Whether restoring the default would change anything."""
    default = find_default(persona)
    if default is None:
        return False
    is_as_written = all(getattr(persona, name) == value for name, value in default.columns().items())
    return not is_as_written or persona.chosen_collections.exists()


def with_collections(access: Access, personas: QuerySet[Persona]) -> QuerySet[Persona]:
    """Personas with `seen_collections`: links to what they search, as far as this person sees it."""
    links = PersonaCollection.objects.filter(collection__in=visible_collections(access))
    return personas.prefetch_related(
        Prefetch("chosen_collections", links.order_by("collection__name", "id"), to_attr="seen_collections")
    )


def collections_of(access: Access, persona: Persona) -> list[str]:
    """Ids of what it searches, as far as this person sees it."""
    found: Any = with_collections(access, Persona.objects.filter(id=persona.id)).get()
    return [str(link.collection_id) for link in found.seen_collections]


def offered_personas(access: Access) -> list[dict[str, Any]]:
    """What a page needs to offer them, by name."""
    names = ("slug", "name", "description", "mode", "sample_questions", "is_default")
    found: Any = with_collections(access, list_personas(access)).order_by("name", "id")
    return [
        {name: getattr(one, name) for name in names}
        | {"collections": [str(link.collection_id) for link in one.seen_collections]}
        for one in found
    ]


def voice_of(conversation: Conversation) -> Voice:
    """How the conversation's persona speaks; as nobody does once it is archived."""
    persona = _speaking(conversation)
    if persona is None:
        return NO_VOICE
    return Voice(
        instructions=persona.instructions,
        temperature=persona.temperature,
        max_tokens=persona.max_tokens,
        model=persona.model,
    )


def default_collections(conversation: Conversation) -> tuple[UUID, ...]:
    """What the conversation's persona searches where nothing else says what; those out of sight find nothing."""
    persona = _speaking(conversation)
    if persona is None:
        return ()
    chosen = PersonaCollection.objects.filter(persona=persona)
    return tuple(chosen.values_list("collection_id", flat=True))


def _speaking(conversation: Conversation) -> Persona | None:
    persona = conversation.persona
    return persona if persona is not None and persona.archived_at is None else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
