"""Writes: groups of members."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, NotFound
from tenants.models import Group, GroupMember, Membership, Revocation
from tenants.permissions import Action
from tenants.revocations import announce_revocation

_MAX_NAME = 80


def create_group(*, access: Access, name: str) -> Group:
    """Create a group without members. A taken name raises `InvalidInput`."""
    access.require(Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        group = Group(name=_clean_name(name))
        _save(group)
        record(access, "group.created", target_kind="group", target_id=group.id)
    return group


def rename_group(*, access: Access, group: Group, name: str) -> Group:
    access.require(Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        group = _locked(group)
        group.name = _clean_name(name)
        _save(group)
        record(access, "group.renamed", target_kind="group", target_id=group.id)
    return group


def delete_group(*, access: Access, group: Group) -> None:
    """Delete a group; what it alone was given sight of is out of its members' sight."""
    access.require(Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        group = _locked(group)
        people = list(GroupMember.objects.filter(group=group).values_list("membership__user", flat=True))
        for user_id in people:
            _announce(access, user_id)
        record(access, "group.deleted", target_kind="group", target_id=group.id, members=len(people))
        group.delete()


def add_to_group(*, access: Access, group: Group, user_id: UUID) -> None:
    """Put a member into a group; one who is in it stays. Somebody unknown raises `InvalidInput`."""
    access.require(Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        group = _locked(group)
        membership = Membership.objects.select_for_update(no_key=True).filter(user=user_id).first()
        if membership is None:
            raise InvalidInput.at("/user", "There is no such member.", "unknown_id")
        _, is_new = GroupMember.objects.get_or_create(group=group, membership=membership)
        if is_new:
            _announce(access, user_id)
            record(access, "group.member_added", target_kind="group", target_id=group.id, user=str(user_id))


def remove_from_group(*, access: Access, group: Group, user_id: UUID) -> None:
    """Take a member out of a group. Raises `NotFound` for whoever is not in it."""
    access.require(Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        gone, _ = GroupMember.objects.filter(group=group, membership__user=user_id).delete()
        if not gone:
            raise NotFound("There is no such member in this group.")
        _announce(access, user_id)
        record(access, "group.member_removed", target_kind="group", target_id=group.id, user=str(user_id))


def _announce(access: Access, user_id: UUID) -> None:
    """Groups decide who sees a restricted collection."""
    announce_revocation(tenant_id=access.tenant_id, user_id=user_id, reason=Revocation.Reason.CHANGED)


def _locked(group: Group) -> Group:
    """The group as it is now, and stays until the unit ends. Raises `NotFound` when it was deleted meanwhile."""
    found: Group | None = Group.objects.select_for_update(no_key=True).filter(id=group.id).first()
    if found is None:
        raise NotFound("There is no such group.")
    return found


def _save(group: Group) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise InvalidInput.at("/name", "There is a group of this name already.", "taken") from error


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InvalidInput.at("/name", "A group needs a name.", "required")
    if len(name) > _MAX_NAME:
        raise InvalidInput.at(
            "/name",
            gettext("A group's name has at most {max_name} characters.").format(max_name=_MAX_NAME),
            "max_length",
        )
    return name
