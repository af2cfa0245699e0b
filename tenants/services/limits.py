"""Writes: what an organisation allows itself and its people."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.formats import number_format
from django.utils.translation import gettext

from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.limits.meters import meter_of
from tenants.limits.quotas import lock_quotas
from tenants.models import Membership, Quota, QuotaFor, QuotaKind
from tenants.permissions import Action

# The largest number that every reader of JSON keeps exact (RFC 8259, section 6).
_MAX_AMOUNT = 2**53 - 1


@dataclass(frozen=True, slots=True)
class NewQuota:
    """A limit that is to be. `user_id` names the person when, and only when, it is for one."""

    kind: QuotaKind
    applies_to: QuotaFor
    amount: int
    user_id: UUID | None = None

    @property
    def place(self) -> tuple[QuotaKind, QuotaFor, UUID | None]:
        """What it limits for whom: there is one limit of each."""
        return self.kind, self.applies_to, self.user_id


def set_quota(*, access: Access, quota: NewQuota, pointer: str = "") -> Quota:
    """Set a limit, or change the one there is. `pointer` is where in a body it stands.

    Raises `InvalidInput` for a stranger and for less than is used already; nothing is changed then.
    """
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        _require_shape(quota, pointer)
        lock_quotas([quota.kind])
        found: Quota | None = _find(quota)
        if found is None:
            _require_member(quota, pointer)
            found = Quota(kind=quota.kind, applies_to=quota.applies_to, user_id=quota.user_id)
        elif found.amount == quota.amount:
            return found
        _require_enough(quota, pointer)
        found.amount = quota.amount
        found.save()
        _record(access, "limit.set", found)
    return found


def remove_quota(*, access: Access, quota: Quota) -> None:
    """From now on this is not limited."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        _record(access, "limit.removed", quota)
        quota.delete()


def replace_quotas(*, access: Access, quotas: Sequence[NewQuota]) -> None:
    """All limits at once: what is not among them is removed. All of them are set, or none is."""
    access.require(Action.MANAGE_TENANT)
    places = [quota.place for quota in quotas]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InvalidInput.at(f"/limits/{number}", "This limit stands there twice.", "duplicate")
    with tenant_atomic(access.tenant_id):
        lock_quotas(QuotaKind)
        for number, quota in enumerate(quotas):
            set_quota(access=access, quota=quota, pointer=f"/limits/{number}")
        for found in Quota.objects.all():
            if (QuotaKind(found.kind), QuotaFor(found.applies_to), found.user_id) not in places:
                remove_quota(access=access, quota=found)


def _find(quota: NewQuota) -> Quota | None:
    rows = Quota.objects.filter(kind=quota.kind, applies_to=quota.applies_to, user_id=quota.user_id)
    found: Quota | None = rows.select_for_update().first()
    return found


def _require_shape(quota: NewQuota, pointer: str) -> None:
    is_personal = quota.applies_to is QuotaFor.PERSON
    if is_personal != (quota.user_id is not None):
        said = (
            gettext("Name the person it is for.")
            if is_personal
            else gettext("Only a limit for one person names one.")
        )
        raise InvalidInput.at(f"{pointer}/user", said, "required" if is_personal else "invalid")


def _require_member(quota: NewQuota, pointer: str) -> None:
    """Of a new limit; whoever has left keeps theirs in case they come back."""
    if quota.user_id is not None and not Membership.objects.filter(user=quota.user_id).exists():
        raise InvalidInput.at(f"{pointer}/user", "There is no such member.", "unknown_id")


def _require_enough(quota: NewQuota, pointer: str) -> None:
    if not 0 <= quota.amount <= _MAX_AMOUNT:
        raise InvalidInput.at(
            f"{pointer}/amount",
            gettext("A limit is 0 to {max_amount}.").format(max_amount=_MAX_AMOUNT),
            "out_of_range",
        )
    meter = meter_of(quota.kind)
    if quota.applies_to is QuotaFor.EACH:
        excepted = Quota.objects.filter(kind=quota.kind, applies_to=QuotaFor.PERSON)
        used = meter.read_highest(without=frozenset(excepted.values_list("user_id", flat=True)))
        said = gettext("One of the people uses {used} already; the limit cannot be {amount}.")
    else:
        used = meter.read(quota.user_id)
        said = (
            gettext("This person uses {used} already; the limit cannot be {amount}.")
            if quota.user_id
            else gettext("The organisation uses {used} already; the limit cannot be {amount}.")
        )
    if quota.amount < used:
        filled = said.format(
            used=number_format(used, force_grouping=True), amount=number_format(quota.amount, force_grouping=True)
        )
        raise InvalidInput.at(f"{pointer}/amount", filled, "below_use")


def _record(access: Access, action: str, quota: Quota) -> None:
    record(
        access,
        action,
        target_kind="quota",
        target_id=quota.id,
        kind=quota.kind,
        applies_to=quota.applies_to,
        user_id=str(quota.user_id) if quota.user_id else None,
        amount=quota.amount,
    )
