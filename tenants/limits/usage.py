"""What was used: questions and tokens by day (UTC), person, token and model."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext

from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import Prepared
from tenants.limits.meters import meter_of, today
from tenants.limits.quotas import tell_if_near
from tenants.models import ApiToken, Membership, Quota, QuotaFor, QuotaKind, UsageDay
from tenants.permissions import Action
from tenants.prices import Cost, cost_of
from tenants.registry import on_spenders_named

# Until its answer is over nobody knows which model a question will be answered by.
UNKNOWN_MODEL = ""
_UPSERT = """
    INSERT INTO tenants_usageday
        (id, tenant_id, day, user_id, token_id, model, currency,
         questions, prompt_tokens, completion_tokens, cost_micros)
    VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, day, user_id, token_id, model, currency) DO UPDATE SET
        questions = tenants_usageday.questions + EXCLUDED.questions,
        prompt_tokens = tenants_usageday.prompt_tokens + EXCLUDED.prompt_tokens,
        completion_tokens = tenants_usageday.completion_tokens + EXCLUDED.completion_tokens,
        cost_micros = tenants_usageday.cost_micros + EXCLUDED.cost_micros
"""


@dataclass(frozen=True, slots=True)
class Spender:
    """Who spends, and with which token, if any."""

    user_id: UUID
    token_id: UUID | None = None


def count_question(spender: Spender, *, asked_on: date) -> None:
    """A question was asked: in the unit that stores it."""
    _add(asked_on, spender, UNKNOWN_MODEL, questions=1)


def count_reply(
    spender: Spender, *, asked_on: date, model: str, prompt_tokens: int, completion_tokens: int
) -> None:
    """A reply is over, in the unit that stores its end: its tokens count, its question becomes its model's."""
    moved = 0 if model == UNKNOWN_MODEL else _take_waiting(asked_on, spender)
    if moved and asked_on == today():
        _add(
            asked_on,
            spender,
            model,
            questions=moved,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
        )
        _tell_if_near()
        return
    if moved:
        _add(asked_on, spender, model, questions=moved)
    count_tokens(spender, model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def _take_waiting(day: date, spender: Spender) -> int:
    """One question less whose model is unknown; 0 where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_usageday SET questions = questions - 1 "
            "WHERE tenant_id = %s AND day = %s AND user_id = %s AND token_id IS NOT DISTINCT FROM %s "
            "AND model = %s AND questions > 0",
            [current_tenant_id(), day, spender.user_id, spender.token_id, UNKNOWN_MODEL],
        )
        return 1 if cursor.rowcount else 0


def count_tokens(spender: Spender, *, model: str, prompt_tokens: int, completion_tokens: int) -> None:
    """What a model took and gave, today, at today's price."""
    if prompt_tokens or completion_tokens:
        _add(today(), spender, model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
        _tell_if_near()


def _tell_if_near() -> None:
    """Of tokens it is known only now how many were used."""
    for kind, amount in _shared_limits_of_tokens.rows():
        tell_if_near(QuotaKind(kind), amount, before=0, now=meter_of(QuotaKind(kind)).read())


_shared_limits_of_tokens = Prepared(
    lambda: Quota.objects.filter(
        applies_to=QuotaFor.TENANT, kind__in=[QuotaKind.TOKENS_DAY.value, QuotaKind.TOKENS_MONTH.value]
    ).values_list("kind", "amount")
)


def _add(
    day: date,
    spender: Spender,
    model: str,
    *,
    questions: int = 0,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
) -> None:
    cost = cost_of(model, prompt_tokens, completion_tokens) or Cost(0, "")
    who = (current_tenant_id(), day, spender.user_id, spender.token_id, model, cost.currency)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [*who, questions, prompt_tokens, completion_tokens, cost.micros])


class GroupBy(StrEnum):
    DAY = "day"
    PERSON = "person"
    TOKEN = "token"  # noqa: S105
    MODEL = "model"

    @property
    def column(self) -> str:
        return {GroupBy.PERSON: "user_id", GroupBy.TOKEN: "token_id"}.get(self, self.value)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """`key` is a day, an id or a model's name; None for what came by no token or reached no model."""

    key: str | None
    label: str
    questions: int
    prompt_tokens: int
    completion_tokens: int
    # One for each currency that prices were in.
    costs: tuple[Cost, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """`first` and `last` day, both included; `of_tenant` asks for everybody's use."""

    first: date
    last: date
    group: GroupBy = GroupBy.DAY
    of_tenant: bool = False


def list_usage(access: Access, query: UsageQuery) -> list[UsageRow]:
    """Sums by what the query groups by: days newest first, everything else by tokens, most first.

    A person's own use is theirs to see; everybody's needs `MANAGE_TENANT`.
    """
    access.require(Action.MANAGE_TENANT if query.of_tenant else Action.READ_SELF)
    rows = UsageDay.objects.filter(day__range=(query.first, query.last))
    if not query.of_tenant:
        rows = rows.filter(user_id=access.user_id)
    column = query.group.column
    sums = rows.values_list(column).annotate(Sum("questions"), Sum("prompt_tokens"), Sum("completion_tokens"))
    found = [(key, *counts) for key, *counts in sums.order_by(column) if any(counts)]
    labels = _labels(query.group, [key for key, *_ in found])
    costs = _costs(rows, column)
    if query.group is GroupBy.DAY:
        found.reverse()
    else:
        found.sort(key=lambda row: (-row[2] - row[3], -row[1]))
    return [
        UsageRow(
            str(key) if key else None, labels.get(key, str(key)), asked, given, taken, tuple(costs.get(key, ()))
        )
        for key, asked, given, taken in found
    ]


def sum_costs(rows: Iterable[UsageRow]) -> tuple[Cost, ...]:
    """What the rows cost together, by currency."""
    sums: Counter[str] = Counter()
    for cost in (cost for row in rows for cost in row.costs):
        sums[cost.currency] += cost.micros
    return tuple(Cost(micros, currency) for currency, micros in sorted(sums.items()))


def _costs(rows: QuerySet[UsageDay], column: str) -> dict[Any, list[Cost]]:
    found: dict[Any, list[Cost]] = {}
    sums = rows.exclude(currency="").values_list(column, "currency").annotate(Sum("cost_micros"))
    for key, currency, micros in sums.order_by(column, "currency"):
        found.setdefault(key, []).append(Cost(micros, currency))
    return found


def _labels(group: GroupBy, keys: Iterable[Any]) -> dict[Any, str]:
    """What people call what was grouped by; what has gone since has only its id."""
    match group:
        case GroupBy.PERSON:
            keys = list(keys)
            # Members' alone: where somebody who has left is reached now is no business of this organisation's.
            people = dict(Membership.objects.filter(user__in=keys).values_list("user_id", "user__email"))
            on_spenders_named.call([key for key in keys if key not in people], people)
            return people
        case GroupBy.TOKEN:
            names = dict(ApiToken.objects.filter(id__in=keys).values_list("id", "name"))
            return {None: gettext("Portal, without a token"), **names}
        case GroupBy.MODEL:
            return {UNKNOWN_MODEL: gettext("No model")}
        case GroupBy.DAY:
            return {}
