"""Quotas: what an organisation allows itself and its people, asked in the unit that spends.

Whoever spends takes the advisory lock of (tenant, kind) first, kinds in the order of `QuotaKind`, and before
it locks any row; so two who spend the last of something at once cannot both have it. Where no quota applies
nothing is locked.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, F, Q, QuerySet, When
from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_lazy

from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import Prepared
from tenants.errors import NotFound, QuotaExceeded
from tenants.limits.meters import meter_of, today
from tenants.models import Quota, QuotaFor, QuotaKind
from tenants.permissions import Action
from tenants.registry import on_quota_near

# Of which as much is spent as is asked for; an answer's tokens are known when it is over.
_SPENT_AS_SAID = frozenset({QuotaKind.QUESTIONS_DAY, QuotaKind.DOCUMENTS, QuotaKind.BYTES})
# Of the organisation's own limits it is told when so many percent are used.
_TOLD_AT = (80, 100)
# From here on people are told how much is left.
_TIGHT = 0.8
_NOUNS = {
    QuotaKind.TOKENS_DAY: gettext_lazy("tokens a day"),
    QuotaKind.TOKENS_MONTH: gettext_lazy("tokens a month"),
    QuotaKind.QUESTIONS_DAY: gettext_lazy("questions a day"),
    QuotaKind.DOCUMENTS: gettext_lazy("documents"),
    QuotaKind.BYTES: gettext_lazy("bytes of documents"),
    QuotaKind.REPLIES: gettext_lazy("answers at the same time"),
}


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota that binds a person, alone or with the whole organisation, and what is used of it now."""

    kind: QuotaKind
    is_shared: bool
    amount: int
    used: int

    @property
    def left(self) -> int:
        return max(0, self.amount - self.used)

    @property
    def is_tight(self) -> bool:
        return self.used >= self.amount * _TIGHT

    @property
    def resets_at(self) -> datetime | None:
        """When all of it is there again; None for what only deleting or waiting for answers frees."""
        return resets_at(self.kind)

    def view(self) -> dict[str, Any]:
        """As programs read it."""
        resets = self.resets_at
        return {
            "kind": self.kind.value,
            "applies_to": "tenant" if self.is_shared else "person",
            "amount": self.amount,
            "used": self.used,
            "left": self.left,
            "resets_at": resets.isoformat() if resets else None,
        }


def resets_at(kind: QuotaKind) -> datetime | None:
    """The next midnight (UTC) that begins a day or a month; None for kinds that no clock resets."""
    midnight = datetime(*today().timetuple()[:3], tzinfo=UTC)
    if kind in {QuotaKind.TOKENS_DAY, QuotaKind.QUESTIONS_DAY}:
        return midnight + timedelta(days=1)
    if kind is QuotaKind.TOKENS_MONTH:
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def require_quotas(access: Access, adding: Mapping[QuotaKind, int]) -> None:
    """Raise `QuotaExceeded` unless so much more of each kind may be spent, in the unit that spends it.

    Until the unit ends nobody else spends of the same kind. Call it before any row is written or locked.
    """
    if not any(kind in adding for (kind,) in _limited_kinds.rows(user=access.user_id)):
        return
    lock_quotas(adding)
    states = _states(access, adding)
    for state in states:
        if state.used + adding[state.kind] > state.amount:
            raise _exceeded(state)
    for state in states:
        if state.is_shared and state.kind in _SPENT_AS_SAID:
            tell_if_near(state.kind, state.amount, before=state.used, now=state.used + adding[state.kind])


_limited_kinds = Prepared(lambda user: _of_person(user).values_list("kind"))


def tell_if_near(kind: QuotaKind, amount: int, *, before: int, now: int) -> None:
    """Say that a limit of the whole organisation is nearly, or all, used: in the unit that uses it.

    What a clock resets is said once until then, however it was passed; the rest each time it is passed.
    """
    resets = resets_at(kind)
    for percent in _TOLD_AT:
        level = amount * percent / 100
        if now >= level > 0 and (resets is not None or before < level):
            period = resets.isoformat() if resets else ""
            data = {"kind": kind.value, "percent": percent, "amount": amount, "used": now}
            on_quota_near.call(kind, percent, period, {**data, "resets_at": period or None})


def list_quota_states(access: Access, kinds: Collection[QuotaKind] = tuple(QuotaKind)) -> list[QuotaState]:
    """The quotas that bind this person, inside the caller's unit."""
    return _states(access, kinds)


def read_use(access: Access) -> dict[str, int]:
    """What this person uses of every kind, limited or not, inside the caller's unit."""
    return {kind.value: meter_of(kind).read(access.user_id) for kind in QuotaKind}


def list_quotas(access: Access) -> QuerySet[Quota]:
    """Every limit of the organisation; a person's own after those for everybody."""
    access.require(Action.MANAGE_TENANT)
    places = Case(*(When(kind=kind.value, then=place) for place, kind in enumerate(QuotaKind)))
    found: QuerySet[Quota] = Quota.objects.order_by(places, F("user_id").asc(nulls_first=True), "-applies_to")
    return found


def access_quota(access: Access, quota_id: UUID) -> Quota:
    found = list_quotas(access).filter(id=quota_id).first()
    if found is None:
        raise NotFound("There is no such limit.")
    return found


def lock_quotas(kinds: Iterable[QuotaKind]) -> None:
    """Keep everybody else in the tenant from spending of these kinds until the unit ends."""
    tenant_id = current_tenant_id()
    with connection.cursor() as cursor:
        for kind in sorted(kinds, key=list(QuotaKind).index):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"quota {tenant_id} {kind}"])


def _binding(access: Access, kinds: Iterable[QuotaKind]) -> QuerySet[Quota]:
    return _of_person(access.user_id).filter(kind__in=[kind.value for kind in kinds])


def _of_person(user_id: UUID) -> QuerySet[Quota]:
    found: QuerySet[Quota] = Quota.objects.filter(Q(user_id=None) | Q(user_id=user_id))
    return found


def _states(access: Access, kinds: Iterable[QuotaKind]) -> list[QuotaState]:
    """In the order of the kinds, the organisation's before the person's."""
    amounts: dict[tuple[QuotaKind, QuotaFor], int] = {
        (QuotaKind(quota.kind), QuotaFor(quota.applies_to)): quota.amount for quota in _binding(access, kinds)
    }
    states = []
    for kind in QuotaKind:
        shared = amounts.get((kind, QuotaFor.TENANT))
        if shared is not None:
            states.append(QuotaState(kind, is_shared=True, amount=shared, used=meter_of(kind).read()))
        own = amounts.get((kind, QuotaFor.PERSON), amounts.get((kind, QuotaFor.EACH)))
        if own is not None:
            used = meter_of(kind).read(access.user_id)
            states.append(QuotaState(kind, is_shared=False, amount=own, used=used))
    return states


def _exceeded(state: QuotaState) -> QuotaExceeded:
    resets = state.resets_at
    if resets is not None:
        then = gettext("It is full again at {time} UTC.").format(time=f"{resets:%Y-%m-%d %H:%M}")
    elif state.kind is QuotaKind.REPLIES:
        then = gettext("Ask again when one of them has ended.")
    else:
        then = gettext("Delete what is no longer needed, or ask an admin to raise it.")
    said = (
        gettext("Your organisation's limit is {amount} {things}; {used} are used. {then}")
        if state.is_shared
        else gettext("Your limit is {amount} {things}; {used} are used. {then}")
    )
    wait = ceil((resets - datetime.now(UTC)).total_seconds()) if resets else None
    return QuotaExceeded(
        said.format(
            amount=number_format(state.amount, force_grouping=True),
            things=_NOUNS[state.kind],
            used=number_format(state.used, force_grouping=True),
            then=then,
        ),
        quota=state.view(),
        retry_after=wait,
    )
