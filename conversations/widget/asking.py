"""Writes: a visitor's question."""

from uuid import UUID

from django.utils.translation import gettext

from conversations.models import Mode, Origin, Persona, Site
from conversations.selectors.conversations import list_conversations
from conversations.services.conversations import create_conversation
from conversations.services.messages import Asked, ask, find_attempted, require_content
from conversations.widget.limits import require_questions_left
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import NotFound, QuotaExceeded, RateLimited
from tenants.services.idempotency import Attempt

# Until one of the answers that are being written may have ended.
_SOON = 30


def ask_as_visitor(
    *,
    access: Access,
    site: Site,
    content: str,
    conversation_id: UUID | None,
    process_id: UUID,
    arrived_at: float,
    attempt: Attempt | None = None,
) -> Asked:
    """Ask in one's conversation, or begin one: where the question is refused none has begun.

    It is asked of the site's collections as they are now, whatever the conversation began with. `RateLimited`.
    """
    require_content(content, pointer="/question")
    with tenant_atomic(access.tenant_id):
        if (asked := find_attempted(access, attempt)) is not None:
            return asked
        require_questions_left(access, site, arrived_at=arrived_at)
        if conversation_id is None:
            conversation_id = _begin(access, site)
        elif not list_conversations(access).filter(id=conversation_id).exists():
            raise NotFound("There is no such conversation.")
        try:
            return ask(
                access=access,
                conversation_id=conversation_id,
                content=content,
                process_id=process_id,
                collections=sorted(access.collections or ()),
                attempt=attempt,
            )
        except QuotaExceeded as error:
            # How much the organisation allows itself is not for the public.
            detail = gettext("Nothing more can be asked here for now. Try again later.")
            raise RateLimited(detail, retry_after=error.retry_after or _SOON) from error


def _begin(access: Access, site: Site) -> UUID:
    """With a title of the site's, so that no model is asked for another."""
    persona = Persona.objects.filter(id=site.persona_id, archived_at=None).first()
    return create_conversation(
        access=access,
        title=site.name,
        mode=Mode.GROUNDED,
        persona=str(persona.id) if persona else None,
        origin=Origin.SITE,
    ).id
