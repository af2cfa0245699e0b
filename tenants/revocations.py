"""Telling every process that somebody's authority ended or changed: see `models.Revocation`."""

from uuid import UUID

from tenants.models import Revocation


def announce_revocation(
    *,
    tenant_id: UUID | None = None,
    user_id: UUID | None = None,
    token_id: UUID | None = None,
    session_sha256: str = "",
    reason: Revocation.Reason = Revocation.Reason.ENDED,
) -> None:
    """Write it into the running transaction. Name a token; a person in a tenant; a person; a session; a tenant."""
    Revocation.objects.create(
        tenant_id=tenant_id, user_id=user_id, token_id=token_id, session_sha256=session_sha256, reason=reason
    )
