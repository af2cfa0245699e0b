"""Recording what changed."""

from typing import Any
from uuid import UUID

from tenants.access import Access, Carrier
from tenants.models import AuditEvent, User

# Every action that is ever recorded. Asking and answering is use, not change: see `UsageDay`.
ACTIONS = frozenset(
    {
        "audit.exported",
        "audit.read",
        "collection.access_changed",
        "collection.created",
        "collection.deleted",
        "collection.renamed",
        "collection.sizes_changed",
        "conversation.changed",
        "conversation.created",
        "conversation.deleted",
        "conversation.ended",
        "conversation.read_by_admin",
        "conversation.renamed",
        "conversation.reopened",
        "document.cancelled",
        "document.changed",
        "document.deleted",
        "document.replaced",
        "document.reprocessed",
        "document.restored",
        "document.uploaded",
        "evaluation.accepted",
        "evaluation.cancelled",
        "evaluation.deleted",
        "evaluation.started",
        "evaluation.waived",
        "export.created",
        "export.deleted",
        "export.read",
        "group.created",
        "group.deleted",
        "group.member_added",
        "group.member_removed",
        "group.renamed",
        "index.dropped",
        "index.started",
        "index.stopped",
        "index.taken_back",
        "invitation.accepted",
        "invitation.created",
        "invitation.resent",
        "invitation.withdrawn",
        "job.cancelled",
        "job.retried",
        "limit.removed",
        "limit.set",
        "masking.applied",
        "masking.changed",
        "member.added",
        "member.deactivated",
        "member.joined",
        "member.left",
        "member.reactivated",
        "member.removed",
        "member.role_changed",
        "person.erased",
        "person.traces_removed",
        "question_set.changed",
        "question_set.created",
        "question_set.deleted",
        "question_set.gate_changed",
        "sign_in.removed",
        "sign_in.set",
        "source.changed",
        "source.created",
        "source.removed",
        "source.synced",
        "sufficiency.calibrated",
        "tenant.changed",
        "tenant.created",
        "tenant.disabled",
        "tenant.enabled",
        "tenant.erased",
        "token.created",
        "token.revoked",
    }
)


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


def record_of_platform(
    actor: User | None, action: str, *, target_kind: str, target_id: UUID | None, **data: Any
) -> AuditEvent:
    """The same of what the operator does to the active tenant, on `/admin/` or, None, on the command line."""
    event: AuditEvent = AuditEvent.objects.create(
        action=action,
        actor_id=actor.pk if actor else None,
        carrier=Carrier.SESSION if actor else Carrier.CLI,
        target_kind=target_kind,
        target_id=target_id,
        data=data,
    )
    return event
