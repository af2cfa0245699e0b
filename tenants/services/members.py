"""Writes: who belongs to an organisation, and as what."""

from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.models import ApiToken, Invitation, Membership, Revocation, User
from tenants.permissions import PERMISSIONS, Action, Role
from tenants.revocations import announce_revocation
from tenants.webhooks.services import disable_webhooks_of


def add_member(*, access: Access, user: User, role: Role) -> Membership:
    """Make a person a member, in the tenant of `access`. Raises `InvalidInput` when they are one."""
    with tenant_atomic(access.tenant_id):
        if Membership.objects.filter(user=user).exists():
            raise InvalidInput.at(
                "/user", gettext("{email} is a member already.").format(email=user.email), "taken"
            )
        membership: Membership = Membership.objects.create(user=user, role=role)
        record(access, "member.added", target_kind="user", target_id=user.pk, role=role)
    return membership


def require_grantable(access: Access, role: Role) -> None:
    """Raise `PermissionRefused` unless this person may make somebody a `role`: none above their own."""
    access.require(Action.MANAGE_OWNERS if role is Role.OWNER else Action.MANAGE_MEMBERS)
    if not access.role.covers(role):
        raise PermissionRefused("Nobody grants a role above their own.")


def change_role(*, access: Access, user_id: UUID, role: Role) -> Membership:
    """Give a member another role.

    Raises `NotFound`; `PermissionRefused` for a role above one's own and for owners, whom only owners touch;
    `Conflict` when the organisation would be left without an owner.
    """
    require_grantable(access, role)
    with tenant_atomic(access.tenant_id):
        membership = _locked_member(access, user_id)
        before = Role(membership.role)
        require_grantable(access, before)
        if role is before:
            return membership
        if role is not Role.OWNER:
            _require_other_owner(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        _withdraw_invitations(access, user_id, role)
        if not role.covers(PERMISSIONS[Action.MANAGE_TENANT].role):
            disable_webhooks_of(user_id)
        announce_revocation(tenant_id=access.tenant_id, user_id=user_id, reason=Revocation.Reason.CHANGED)
        record(access, "member.role_changed", target_kind="user", target_id=user_id, before=before, role=role)
    return membership


def remove_member(*, access: Access, user_id: UUID) -> None:
    """End a membership, somebody's or one's own; it takes tokens, invitations, groups and grants along.

    Webhooks that have their sight are disabled. Conversations stay, and nobody reads them, until they are
    erased. Raises as `change_role` does.
    """
    is_own = user_id == access.user_id
    access.require(Action.LEAVE if is_own else Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        membership = _locked_member(access, user_id)
        if not is_own:
            require_grantable(access, Role(membership.role))
        _require_other_owner(membership)
        ApiToken.objects.filter(user=user_id, revoked_at=None).update(revoked_at=timezone.now())
        _withdraw_invitations(access, user_id, None)
        membership.delete()
        disable_webhooks_of(user_id)
        announce_revocation(tenant_id=access.tenant_id, user_id=user_id)
        record(
            access,
            "member.left" if is_own else "member.removed",
            target_kind="user",
            target_id=user_id,
            role=membership.role,
        )


def _withdraw_invitations(access: Access, user_id: UUID, role: Role | None) -> None:
    """End those that a person sent and could not send any more, with `role` or, None, without membership.

    They would be a way back in, as what one was.
    """
    waiting = Invitation.objects.filter(invited_by_id=user_id, accepted_at=None, revoked_at=None)
    for invitation in waiting.select_for_update():
        if role is None or not role.covers(Role.ADMIN) or not role.covers(Role(invitation.role)):
            invitation.revoked_at = timezone.now()
            invitation.save(update_fields=["revoked_at"])
            record(access, "invitation.withdrawn", target_kind="invitation", target_id=invitation.id)


def _locked_member(access: Access, user_id: UUID) -> Membership:
    """The member, locked beside every owner and whoever acts, so that two changes follow one another.

    All in the order of their ids, or two people could wait for each other. Whose role changed while they
    waited is refused: what they were allowed to do was another's.
    """
    concerned = Membership.objects.filter(Q(role=Role.OWNER) | Q(user__in=[user_id, access.user_id]))
    found: dict[UUID, Membership] = {one.user_id: one for one in concerned.select_for_update().order_by("id")}
    actor = found.get(access.user_id)
    if actor is None or Role(actor.role) is not access.role:
        raise PermissionRefused("Your own role has just changed.")
    if user_id not in found:
        raise NotFound("There is no such member.")
    return found[user_id]


def _require_other_owner(membership: Membership) -> None:
    """Raise `Conflict` for the last owner who can log in."""
    others = Membership.objects.filter(role=Role.OWNER, user__is_active=True).exclude(id=membership.id)
    if membership.role == Role.OWNER and not others.exists():
        raise Conflict("An organisation needs an owner: make somebody else one first.", code="last_owner")
