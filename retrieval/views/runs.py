"""Settings: one run of a question set, what became of each question, and what another run did better."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from retrieval.evaluation_results import Shown, shown_results
from retrieval.models import EvaluationResult, EvaluationRun
from retrieval.selectors import (
    access_evaluation,
    compare,
    list_evaluations,
    list_results,
    require_evaluation,
)
from retrieval.services.runs import accept_evaluation, cancel_evaluation, delete_evaluation, waive_evaluation
from retrieval.views.figures import bars, label, shown
from retrieval.views.sets import PAGE
from tenants.access import Access
from tenants.errors import InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

_RESULTS = 50
_PLACES = 10


@require_safe
@portal_view(Action.MANAGE_TENANT)
def evaluation(request: HttpRequest, access: Access, evaluation: UUID) -> HttpResponse:
    """Figures with intervals, right and wrong refusals, and each question, the wrong ones alone if wished."""
    run = access_evaluation(access, evaluation)
    only_wrong = request.GET.get("show") == "wrong"
    page = _number(request)
    results, has_more = _results(access, run, page, only_wrong=only_wrong)
    context = {
        "run": run,
        "bars": bars(run.numbers.get("figures", {}), run.k),
        "refusal": run.numbers.get("refusal"),
        "others": list(
            list_evaluations(access)
            .filter(set=run.set_id, status=EvaluationRun.Status.FINISHED)
            .exclude(id=run.id)
            .order_by("-created_at", "-id")[:_RESULTS]
        ),
        "results": results,
        "only_wrong": only_wrong,
        "page": page,
        "next_page": page + 1 if has_more else None,
        "first_number": (page - 1) * _RESULTS + 1,
    }
    return render_settings(request, access, PAGE, "settings/evaluation.html", context)


@require_safe
@portal_view(Action.MANAGE_TENANT)
def comparison(request: HttpRequest, access: Access, evaluation: UUID) -> HttpResponse:
    """What each figure gained since another run, and which questions changed sides."""
    after = access_evaluation(access, evaluation)
    try:
        wanted = UUID(request.GET.get("before", ""))
    except ValueError as error:
        raise InvalidInput.at("/before", _("Choose the run to compare with."), "required") from error
    found = compare(require_evaluation(access, wanted, pointer="/before"), after)
    context = {
        "run": after,
        "before": found.before,
        "comparison": found,
        "rows": [
            {
                "label": label(name),
                "before": shown(one.before),
                "after": shown(one.after),
                "change": f"{one.change.value:+.2f}",
                "low": f"{one.change.low:+.2f}",
                "high": f"{one.change.high:+.2f}",
                "verdict": _verdict(one),
            }
            for name, one in found.differences.items()
        ],
    }
    return render_settings(request, access, PAGE, "settings/comparison.html", context)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def cancel(request: HttpRequest, access: Access, evaluation: UUID) -> HttpResponse:
    return _back(cancel_evaluation(access=access, run=access_evaluation(access, evaluation)))


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def accept(request: HttpRequest, access: Access, evaluation: UUID) -> HttpResponse:
    run = accept_evaluation(access=access, run=access_evaluation(access, evaluation))
    messages.success(request, _("Later runs are held against this one."))
    return _back(run)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def waive(request: HttpRequest, access: Access, evaluation: UUID) -> HttpResponse:
    run = waive_evaluation(access=access, run=access_evaluation(access, evaluation))
    messages.success(request, _("The embedding model takes over as soon as it has every passage."))
    return redirect(reverse("portal:settings-evaluation", args=[run.id]))


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def delete(request: HttpRequest, access: Access, evaluation: UUID) -> HttpResponse:
    run = access_evaluation(access, evaluation)
    delete_evaluation(access=access, run=run)
    messages.success(request, _("The run is deleted."))
    return _back(run)


def _back(run: EvaluationRun) -> HttpResponse:
    return redirect(reverse("portal:settings-question-set", args=[run.set_id]))


def _number(request: HttpRequest) -> int:
    sent = request.GET.get("page", "1")
    return max(1, int(sent)) if sent.isascii() and sent.isdecimal() and len(sent) < 6 else 1  # noqa: PLR2004


def _results(
    access: Access, run: EvaluationRun, page: int, *, only_wrong: bool
) -> tuple[list[dict[str, Any]], bool]:
    """A page of results with what people are told of each, and whether more follow."""
    rows: list[EvaluationResult] = list(list_results(run).order_by("number"))
    results = [one for one in rows if not only_wrong or _is_wrong(one)]
    first = (page - 1) * _RESULTS
    chosen = shown_results(access, results[first : first + _RESULTS])
    return [_told(one) for one in chosen], len(results) > first + _RESULTS


def _is_wrong(result: EvaluationResult) -> bool:
    row = result.row
    is_missed = row["is_answerable"] and not row["page_ranks"] and bool(row["gold_pages"])
    return bool(is_missed or row["error"] or row["is_refused"] is row["is_answerable"])


def _told(result: Shown) -> dict[str, Any]:
    row = result.row
    if row.error:
        answer, is_fine = _("The answer failed ({code})").format(code=row.error), False
    elif row.is_refused is None:
        answer, is_fine = "", True
    elif row.is_refused:
        answer = _("Wrongly refused") if row.is_answerable else _("Refused, as it should be")
        is_fine = not row.is_answerable
    else:
        answer, is_fine = (_("Answered"), True) if row.is_answerable else (_("Wrongly answered"), False)
    return {
        "question": result.question,
        "answer": answer,
        "is_fine": is_fine,
        "rank": _rank(result),
        "is_found": not row.gold_pages or row.page_rank is not None,
        "found": result.found[:_PLACES],
        "citations": result.citations,
    }


def _rank(result: Shown) -> str:
    row = result.row
    if not row.is_answerable or not row.names_document:
        return ""
    if row.page_rank is not None:
        return _("Right page at place {place}").format(place=row.page_rank)
    if row.document_rank is not None:
        words = (
            _("Right document at place {place}, not its page") if row.gold_pages else _("Found at place {place}")
        )
        return words.format(place=row.document_rank)
    return _("Not found")


def _verdict(one: Any) -> str:
    if not one.is_sure:
        return _("May be chance") if one.change.value else _("Same")
    return _("Better") if one.change.value > 0 else _("Worse")
