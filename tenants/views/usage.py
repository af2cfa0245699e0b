"""Settings: what was used, and what the organisation limits."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.api.problems import as_docent_error
from tenants.api.usage import QuotaInput, UsageInput, new_quota
from tenants.errors import InvalidInput
from tenants.files.spreadsheets import csv_lines
from tenants.limits.quotas import access_quota, list_quota_states, list_quotas
from tenants.limits.usage import GroupBy, UsageQuery, UsageRow, list_usage, sum_costs
from tenants.limits.words import LABELS, amount, asking_limits, sentence
from tenants.models import Quota, QuotaFor, QuotaKind, User
from tenants.permissions import Action
from tenants.selectors import list_members
from tenants.services.limits import remove_quota, set_quota
from tenants.views.usage_charts import usage_charts
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-usage"


@require_safe
@portal_view(Action.READ_SELF)
def usage(request: HttpRequest, access: Access) -> HttpResponse:
    """One's own limits and use; for admins everybody's use, and the limits to change."""
    query = _asked_for(request)
    rows = list_usage(access, query)
    currencies = [cost.currency for cost in sum_costs(rows)]
    context: dict[str, Any] = {
        "states": [{"state": state, "words": sentence(state)} for state in list_quota_states(access)],
        "query": query,
        "rows": [{"label": row.label, "counts": _shown_counts([row], currencies)} for row in rows],
        "charts": usage_charts(query, rows),
        "total": _shown_counts(rows, currencies),
        "currencies": currencies,
        "groups": _groups(),
        "group_label": _groups()[query.group],
        "csv_url": f"{reverse('portal:usage-csv')}?{urlencode(_parameters(query))}",
        "is_admin": access.allows(Action.MANAGE_TENANT),
    }
    if context["is_admin"]:
        people = {one.user_id: one.user for one in list_members(access).order_by("user__email")}
        context |= {
            "limits": [_shown(quota, people) for quota in list_quotas(access)],
            "kinds": [(kind.value, LABELS[kind]) for kind in LABELS],
            "people": people.values(),
        }
    return render_settings(request, access, PAGE, "settings/usage.html", context)


@require_safe
@portal_view(Action.READ_SELF)
def download(request: HttpRequest, access: Access) -> HttpResponse:
    """The same table for a spreadsheet."""
    query = UsageInput(data=request.GET.dict()).query()
    found = list_usage(access, query)
    currencies = [cost.currency for cost in sum_costs(found)]
    costs = [f"cost_{currency.lower()}" for currency in currencies]
    header = ("key", query.group.value, "questions", "prompt_tokens", "completion_tokens", *costs)
    rows = [
        (
            row.key or "",
            row.label,
            row.questions,
            row.prompt_tokens,
            row.completion_tokens,
            *_amounts(row, currencies),
        )
        for row in found
    ]
    name = f"usage-{access.tenant_slug}-{query.first}-{query.last}.csv"
    return HttpResponse(
        "".join(csv_lines(header, rows)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@require_safe
@portal_view(Action.CHAT)
def tight(request: HttpRequest, access: Access) -> HttpResponse:
    """For the notice beside the question field, which is looked up anew after each answer."""
    limits, spent = asking_limits(access)
    used_up = {"words": spent.words, "resets_at": spent.resets_at.isoformat()} if spent else None
    return JsonResponse({"limits": limits, "used_up": used_up}, headers={"Cache-Control": "no-store"})


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def set_limit(request: HttpRequest, access: Access) -> None:
    """`whom` is everybody together, each person, or one person's id."""
    whom = request.POST.get("whom", "")
    is_person = whom not in {QuotaFor.TENANT, QuotaFor.EACH}
    body = QuotaInput(
        data={
            "kind": request.POST.get("kind", ""),
            "amount": request.POST.get("amount", ""),
            "applies_to": QuotaFor.PERSON.value if is_person else whom,
            "user": whom if is_person else None,
        }
    )
    body.is_valid(raise_exception=True)
    set_quota(access=access, quota=new_quota(body.validated_data))
    messages.success(request, _("Saved."))


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def remove_limit(request: HttpRequest, access: Access, limit: UUID) -> None:
    remove_quota(access=access, quota=access_quota(access, limit))


def _asked_for(request: HttpRequest) -> UsageQuery:
    """What the address asks for; the usual, with a notice, where that makes no sense."""
    try:
        return UsageInput(data={name: value for name, value in request.GET.items() if value}).query()
    except Exception as raised:
        error = as_docent_error(raised)
        if not isinstance(error, InvalidInput):
            raise
        messages.error(request, error.detail)
        return UsageInput(data={}).query()


def _parameters(query: UsageQuery) -> dict[str, str]:
    return {
        "of": "tenant" if query.of_tenant else "me",
        "from": query.first.isoformat(),
        "to": query.last.isoformat(),
        "group": query.group.value,
    }


def _groups() -> dict[GroupBy, str]:
    return {
        GroupBy.DAY: _("Day"),
        GroupBy.PERSON: _("Person"),
        GroupBy.TOKEN: _("Token"),
        GroupBy.MODEL: _("Model"),
    }


def _micros(rows: list[UsageRow], currencies: list[str]) -> list[int]:
    """What the rows cost in each of these currencies."""
    sums = {cost.currency: cost.micros for cost in sum_costs(rows)}
    return [sums.get(currency, 0) for currency in currencies]


def _amounts(row: UsageRow, currencies: list[str]) -> list[str]:
    """The same as a spreadsheet reads it."""
    return [f"{micros / 1_000_000:.6f}" for micros in _micros([row], currencies)]


def _shown_counts(rows: list[UsageRow], currencies: list[str]) -> list[str]:
    """The sums of rows: questions, prompt tokens, completion tokens, costs."""
    sums = (
        sum(row.questions for row in rows),
        sum(row.prompt_tokens for row in rows),
        sum(row.completion_tokens for row in rows),
    )
    amounts = [number_format(one / 1_000_000, 4, force_grouping=True) for one in _micros(rows, currencies)]
    return [*(number_format(one, force_grouping=True) for one in sums), *amounts]


def _shown(quota: Quota, people: dict[UUID, User]) -> dict[str, Any]:
    kind = QuotaKind(quota.kind)
    if quota.user_id is None:
        whom = _("Everybody together") if quota.applies_to == QuotaFor.TENANT else _("Each person")
    else:
        # Somebody who has left keeps the limit in case they come back.
        whom = people[quota.user_id].email if quota.user_id in people else _("A former member")
    return {"id": quota.id, "label": LABELS[kind], "whom": whom, "amount": amount(kind, quota.amount)}
