"""Writes: how long a temporary conversation stays.

It is kept from moment to moment: its open page says again and again that it is there, a program by asking. What
nobody keeps, `purge_past` removes, so nothing is left where a process or a browser dies.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from conversations.models import Conversation
from conversations.selectors.life import life_rules
from tenants.access import Access, Carrier
from tenants.db import tenant_atomic
from tenants.errors import PermissionRefused

# From its beginning, and from each question of a program, which has no page.
TEMPORARY_FOR = timedelta(hours=1)


def first_end() -> datetime:
    """When one that begins now goes. `PermissionRefused` where the organisation has none."""
    require_temporary_allowed()
    return timezone.now() + TEMPORARY_FOR


def require_temporary_allowed() -> None:
    """`PermissionRefused` where the organisation has no temporary conversations."""
    if not life_rules().allows_temporary:
        raise PermissionRefused("Your organisation has no temporary conversations.", code="temporary_is_off")


def keep_asked(access: Access, conversation: Conversation) -> None:
    """Something was asked in it, in the caller's unit: by a program, if by nobody's page."""
    if conversation.is_temporary and access.carrier is not Carrier.SESSION:
        Conversation.objects.filter(id=conversation.id).update(unlisted_until=Now() + TEMPORARY_FOR)


def keep_a_moment(*, access: Access, conversation_id: UUID) -> bool:
    """Its page is open; False where there is no such temporary conversation, or none any more."""
    moment = timedelta(seconds=settings.DOCENT_TEMPORARY_SECONDS)
    with tenant_atomic(access.tenant_id):
        kept = Conversation.objects.filter(id=conversation_id, author_id=access.user_id, is_temporary=True)
        return bool(kept.update(unlisted_until=Now() + moment))
