"""Recording what changed."""

from typing import Any
from uuid import UUID

from tenants.access import Access
from tenants.models import AuditEvent


def record(access: Access, action: str, *, target_kind: str, target_id: UUID | None, **data: Any) -> AuditEvent:
    """Write one audit event inside the service's own transaction. `data` holds ids and codes, not names."""
    event: AuditEvent = AuditEvent.objects.create(
        action=action,
        actor_id=access.user_id,
        carrier=access.carrier,
        token_id=access.token_id,
        address=access.address,
        target_kind=target_kind,
        target_id=target_id,
        data=data,
    )
    return event
