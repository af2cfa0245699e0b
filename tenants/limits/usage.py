"""What was used: questions and tokens by day (UTC), person, token and model."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum
from django.utils.translation import gettext

from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.limits.meters import today
from tenants.models import ApiToken, Membership, UsageDay
from tenants.permissions import Action

# Until its answer is over nobody knows which model a question will be answered by.
UNKNOWN_MODEL = ""
_UPSERT = """
    INSERT INTO tenants_usageday
        (id, tenant_id, day, user_id, token_id, model, questions, prompt_tokens, completion_tokens)
    VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, day, user_id, token_id, model) DO UPDATE SET
        questions = tenants_usageday.questions + EXCLUDED.questions,
        prompt_tokens = tenants_usageday.prompt_tokens + EXCLUDED.prompt_tokens,
        completion_tokens = tenants_usageday.completion_tokens + EXCLUDED.completion_tokens
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
    theirs = UsageDay.objects.filter(user_id=spender.user_id, token_id=spender.token_id)
    waiting = theirs.filter(day=asked_on, model=UNKNOWN_MODEL, questions__gt=0)
    if model != UNKNOWN_MODEL and waiting.update(questions=F("questions") - 1):
        _add(asked_on, spender, model, questions=1)
    count_tokens(spender, model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def count_tokens(spender: Spender, *, model: str, prompt_tokens: int, completion_tokens: int) -> None:
    """What a model took and gave, today."""
    if prompt_tokens or completion_tokens:
        _add(today(), spender, model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def _add(
    day: date,
    spender: Spender,
    model: str,
    *,
    questions: int = 0,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
) -> None:
    who = (current_tenant_id(), day, spender.user_id, spender.token_id, model)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [*who, questions, prompt_tokens, completion_tokens])


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
    if query.group is GroupBy.DAY:
        found.reverse()
    else:
        found.sort(key=lambda row: (-row[2] - row[3], -row[1]))
    return [UsageRow(str(key) if key else None, labels.get(key, str(key)), *counts) for key, *counts in found]


def _labels(group: GroupBy, keys: Iterable[Any]) -> dict[Any, str]:
    """What people call what was grouped by; what has gone since has only its id."""
    match group:
        case GroupBy.PERSON:
            # Members' alone: where somebody who has left is reached now is no business of this organisation's.
            return dict(Membership.objects.filter(user__in=keys).values_list("user_id", "user__email"))
        case GroupBy.TOKEN:
            names = dict(ApiToken.objects.filter(id__in=keys).values_list("id", "name"))
            return {None: gettext("Portal, without a token"), **names}
        case GroupBy.MODEL:
            return {UNKNOWN_MODEL: gettext("No model")}
        case GroupBy.DAY:
            return {}
