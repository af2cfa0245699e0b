"""Writes: who belongs to an organisation."""

from tenants.access import Access
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import Membership, User
from tenants.permissions import Role


def add_member(*, access: Access, user: User, role: Role) -> Membership:
    """Make a person a member, in the tenant of `access`. Raises `InvalidInput` when they are one."""
    with tenant_atomic(access.tenant_id):
        if Membership.objects.filter(user=user).exists():
            raise InvalidInput.at("/user", f"{user.email} is a member already.", "taken")
        membership: Membership = Membership.objects.create(user=user, role=role)
        record(access, "member.added", target_kind="user", target_id=user.pk, role=role)
    return membership
