"""Writes: erasing a person, from one organisation or everywhere."""

import hashlib
from collections import Counter
from uuid import UUID

from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import transaction
from django.db.models import F, Func, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext

from tenants.access import Access
from tenants.audit.recording import record, record_of_platform
from tenants.context import current_tenant_id
from tenants.db import person_atomic, tenant_atomic
from tenants.erasure import outside_rows, tombstones
from tenants.erasure.residue import Addresses, residue_of_person
from tenants.erasure.tombstones import Kind, Tombstone
from tenants.errors import Conflict, NotFound
from tenants.models import (
    ApiToken,
    Export,
    Invitation,
    KeptAnswer,
    Membership,
    Quota,
    Tenant,
    UsageDay,
    User,
)
from tenants.permissions import Action, Role
from tenants.registry import on_person_erased
from tenants.revocations import announce_revocation
from tenants.services.exports import remove_exports, withdraw_exports
from tenants.services.members import remove_member
from tenants.services.signin import forget_connections


def erase_person(*, access: Access, user_id: UUID) -> Tombstone:
    """Remove a person's traces from one organisation, a member's or a former member's, their place in it too.

    Documents stay the organisation's, without the name of who brought them; the audit log keeps ids. The
    platform process looks through everything a little later and certifies. Raises as `remove_member` does, and
    `NotFound` for a person of whom there is nothing here.
    """
    access.require(Action.LEAVE if user_id == access.user_id else Action.MANAGE_MEMBERS)
    with tenant_atomic(access.tenant_id):
        is_member = Membership.objects.filter(user=user_id).exists()
        if is_member:
            remove_member(access=access, user_id=user_id)
            _withdraw_exports()
        # What was sent to the address of somebody who is no member is no business of this organisation's admins.
        addresses = Addresses(_addresses_of(user_id) if is_member else (), timezone.now())
        removed = _erase_here(user_id, addresses)
        if not is_member and not removed:
            raise NotFound("There is nothing of such a person here.")
        record(access, "person.erased", target_kind="user", target_id=user_id)
        # The last thing that can fail but the commit; should that fail, what was asked for is still done.
        order = tombstones.order(Kind.PERSON, user_id, tenant=access.tenant_id, addresses=addresses.digests)
        return tombstones.note_removed(order, removed)


def erase_person_everywhere(user: User) -> Tombstone:
    """Remove an account and its traces from every organisation; certified a little later.

    Raises `Conflict` that names the organisations whose last owner this is; then nothing was changed.
    """
    with transaction.atomic():
        _leave_everywhere(user)
        User.objects.filter(pk=user.pk).update(is_active=False)
        announce_revocation(user_id=user.pk)
        order = tombstones.order(Kind.PERSON, user.pk, addresses=_addresses_of(user.pk))
    return _remove(order)


def carry_out(order: Tombstone) -> Tombstone:
    """Remove what is left, look, and say what was found."""
    if not _has_returned(order):
        order = _remove(order)
    residue = () if _has_returned(order) else _residue(order)
    return tombstones.note_residue(order, residue)


def is_back(order: Tombstone) -> bool:
    """Whether anything of an erased person is to be found where they were erased."""
    return not _has_returned(order) and bool(_residue(order))


def _residue(order: Tombstone) -> tuple[str, ...]:
    return residue_of_person(order.subject, addresses=_addresses_in(order), tenant_id=order.tenant)


def _has_returned(order: Tombstone) -> bool:
    """They came back to the organisation afterwards, by their own will: what is there now is new."""
    if order.tenant is None:
        return False
    with tenant_atomic(order.tenant):
        newer = Membership.objects.filter(user=order.subject, created_at__gt=order.ordered_at)
        return bool(newer.exists())


def _leave_everywhere(user: User) -> None:
    """End every membership, or none."""
    with person_atomic(user.pk):
        tenant_ids = sorted(Membership.of_person().values_list("tenant_id", flat=True))
    # Those that are being erased need no owner any more.
    ending = {one.subject for one in tombstones.list_tombstones() if one.kind is Kind.TENANT}
    alone: list[str] = []
    for tenant_id in tenant_ids:
        with tenant_atomic(tenant_id):
            # Locked as in `services.members`: of two last owners who go at once, one stays.
            owners = list(Membership.objects.filter(role=Role.OWNER).select_for_update().order_by("id"))
            others = Membership.objects.filter(role=Role.OWNER, user__is_active=True).exclude(user=user.pk)
            if user.pk in {one.user_id for one in owners} and tenant_id not in ending and not others.exists():
                alone.append(Tenant.objects.get(id=tenant_id).name)
            Membership.objects.filter(user=user.pk).delete()
            _withdraw_exports()
            record_of_platform(user, "member.left", target_kind="user", target_id=user.pk)
    if alone:
        raise Conflict(
            gettext("You are the last owner of {names}. Make somebody else one or delete it first.").format(
                names=", ".join(sorted(alone))
            ),
            code="last_owner",
        )


def _remove(order: Tombstone) -> Tombstone:
    """From the organisations, then, of an account, what stands outside them."""
    user_id = order.subject
    removed: Counter[str] = Counter()
    tenants = Tenant.objects.filter(id=order.tenant) if order.tenant else Tenant.objects.all()
    for tenant_id in list(tenants.order_by("id").values_list("id", flat=True)):
        with tenant_atomic(tenant_id):
            here = _erase_here(user_id, _addresses_in(order))
            if here:
                record_of_platform(None, "person.traces_removed", target_kind="user", target_id=user_id)
        removed.update(here)
    if order.tenant is None:
        removed["django_session"] += outside_rows.remove_sessions(user_id)
        # What allauth and Django keep about a person hangs on this row.
        removed.update(_by_table(User.objects.filter(id=user_id).delete()[1]))
    removed["keys"] += outside_rows.remove_keys(*filter(None, (order.tenant, user_id)))
    return tombstones.note_removed(order, removed)


def _erase_here(user_id: UUID, addresses: Addresses) -> Counter[str]:
    """One organisation's part, inside its unit; what was removed, empty if nothing was."""
    removed: Counter[str] = Counter()
    on_person_erased.call(user_id, removed)
    removed["tenants_export"] += remove_exports(
        Export.objects.filter(Q(subject_id=user_id) | Q(requested_by_id=user_id))
    )
    invited = Invitation.objects.filter(invited_by_id=user_id).update(invited_by_id=None)
    removed["tenants_invitation.invited_by_id"] += invited
    slug = Tenant.objects.get(id=current_tenant_id()).slug
    removed["socialaccount_socialaccount"] += forget_connections(slug, user_id)
    for rows in (
        _invitations_to(user_id, addresses),
        ApiToken.objects.filter(user=user_id),
        KeptAnswer.objects.filter(user_id=user_id),
        Quota.objects.filter(user_id=user_id),
        UsageDay.objects.filter(user_id=user_id),
        Membership.objects.filter(user=user_id),
    ):
        removed.update(_by_table(rows.delete()[1]))
    if removed.total():
        _withdraw_exports()
    return +removed


def _withdraw_exports() -> None:
    """The organisation's exports hold what the person wrote, or their name."""
    withdraw_exports(Export.objects.filter(subject_id=None), "Somebody was erased meanwhile. Make a new export.")


def _invitations_to(user_id: UUID, addresses: Addresses) -> QuerySet[Invitation]:
    digest = Func(Lower(F("email")), template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')")
    found: QuerySet[Invitation] = Invitation.objects.alias(digest=digest).filter(
        Q(accepted_by_id=user_id) | Q(digest__in=addresses.digests, created_at__lte=addresses.until)
    )
    return found


def _addresses_in(order: Tombstone) -> Addresses:
    return Addresses(order.addresses, order.ordered_at)


def _addresses_of(user_id: UUID) -> tuple[str, ...]:
    """The SHA-256 of each of a person's addresses, in small letters: enough to find what was sent there."""
    known = set(EmailAddress.objects.filter(user=user_id).values_list("email", flat=True))
    known |= set(User.objects.filter(pk=user_id).values_list("email", flat=True))
    return tuple(sorted(hashlib.sha256(email.lower().encode()).hexdigest() for email in known))


def _by_table(counts: dict[str, int]) -> dict[str, int]:
    """Django counts by model; certificates by table."""
    return {apps.get_model(name)._meta.db_table: count for name, count in counts.items()}
