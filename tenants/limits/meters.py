"""What quotas count: how much of each kind the organisation and each of its people use now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, F, QuerySet, Sum

from tenants.models import QuotaKind, UsageDay


@dataclass(frozen=True, slots=True)
class Meter:
    """`rows` of the active tenant, each of the person that the field `person` names; `amount` adds them up."""

    rows: Callable[[], QuerySet[Any]]
    person: str
    amount: Aggregate

    def read(self, user_id: UUID | None = None) -> int:
        """What one person uses; without one, everybody together."""
        rows = self.rows()
        if user_id is not None:
            rows = rows.filter(**{self.person: user_id})
        return int(rows.aggregate(total=self.amount)["total"] or 0)

    def read_highest(self, without: frozenset[UUID] = frozenset()) -> int:
        """What whoever uses most of it uses, some people not looked at."""
        people = self.rows().exclude(**{self.person: None}).exclude(**{f"{self.person}__in": without})
        # Sums by person, of which only the largest is of interest.
        largest = people.values(self.person).annotate(total=self.amount).order_by("-total").first()
        return int(largest["total"] or 0) if largest else 0


_METERS: dict[QuotaKind, Meter] = {}


def register_meter(kind: QuotaKind, meter: Meter) -> None:
    """Apps above tenants say in `AppConfig.ready` how what they keep is counted."""
    _METERS[kind] = meter


def meter_of(kind: QuotaKind) -> Meter:
    return _METERS[kind]


def today() -> date:
    """Days and months of quotas and usage are UTC's."""
    return datetime.now(UTC).date()


def _of_today() -> QuerySet[Any]:
    found: QuerySet[Any] = UsageDay.objects.filter(day=today())
    return found


def _of_this_month() -> QuerySet[Any]:
    found: QuerySet[Any] = UsageDay.objects.filter(day__gte=today().replace(day=1))
    return found


_TOKENS = Sum(F("prompt_tokens") + F("completion_tokens"))
register_meter(QuotaKind.QUESTIONS_DAY, Meter(_of_today, "user_id", Sum("questions")))
register_meter(QuotaKind.TOKENS_DAY, Meter(_of_today, "user_id", _TOKENS))
register_meter(QuotaKind.TOKENS_MONTH, Meter(_of_this_month, "user_id", _TOKENS))
