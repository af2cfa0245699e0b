"""Settings: question sets, and one of them with its runs, its gate and its questions."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from documents.models import Collection
from documents.selectors import require_collections, visible_collections
from retrieval.evaluation.cases import read_cases
from retrieval.models import EvaluationRun, QuestionSet
from retrieval.selectors import (
    access_question,
    access_question_set,
    latest_runs,
    list_evaluations,
    list_question_sets,
    list_questions,
)
from retrieval.services.question_sets import (
    MAX_NAME,
    change_question_set,
    create_question_set,
    delete_question,
    delete_question_set,
    set_gate,
)
from retrieval.services.runs import start_evaluation
from retrieval.types import Mode
from retrieval.views.figures import GATED, MAX_POINTS, chart_of, chief_figures, label
from tenants.access import Access
from tenants.errors import InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-evaluations"
_RUNS, _QUESTIONS = 50, 200


@require_safe
@portal_view(Action.MANAGE_TENANT)
def evaluations(request: HttpRequest, access: Access) -> HttpResponse:
    """The sets, each with its newest run, and how to add one."""
    sets = list(list_question_sets(access).order_by("name", "id"))
    newest = latest_runs([one.id for one in sets])
    context = {
        "sets": [{"set": one, **_shown(newest.get(one.id))} for one in sets],
        "collections": visible_collections(access).order_by("name"),
        "max_name": MAX_NAME,
    }
    return render_settings(request, access, PAGE, "settings/evaluations.html", context)


@require_safe
@portal_view(Action.MANAGE_TENANT)
def question_set(request: HttpRequest, access: Access, question_set: UUID) -> HttpResponse:
    """One set: the course of its figures, its runs, its gate, its questions."""
    chosen = access_question_set(access, question_set)
    runs = list(list_evaluations(access).filter(set=chosen).order_by("-created_at", "-id")[:_RUNS])
    finished = [run for run in runs if run.status == EvaluationRun.Status.FINISHED]
    questions = list(list_questions(chosen).order_by("number")[: _QUESTIONS + 1])
    context = {
        "set": chosen,
        "runs": [_shown(run) for run in runs],
        "finished": finished,
        "chart": chart_of(list(reversed(finished[:MAX_POINTS]))),
        "is_under_way": any(run.is_under_way for run in runs),
        "modes": [(mode.value, name) for mode, name in _mode_names().items()],
        "minimums": [(name, label(name), chosen.minimums.get(name, "")) for name in GATED],
        "other_minimums": {name: least for name, least in chosen.minimums.items() if name not in GATED},
        "questions": questions[:_QUESTIONS],
        "has_more": len(questions) > _QUESTIONS,
        "collections": visible_collections(access).order_by("name"),
        "max_name": MAX_NAME,
    }
    return render_settings(request, access, PAGE, "settings/question_set.html", context)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput.at("/file", _("Choose a file of questions."), "required")
    name = request.POST.get("name", "").strip() or (file.name or "").removesuffix(".jsonl")
    made = create_question_set(
        access=access, name=name[:MAX_NAME], cases=read_cases(file.read()), collection=_collection(request, access)
    )
    messages.success(request, _("The question set is there. Ask it to see how good the answers are."))
    return _back(made.id)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def change(request: HttpRequest, access: Access, question_set: UUID) -> HttpResponse:
    chosen = access_question_set(access, question_set)
    change_question_set(
        access=access,
        question_set=chosen,
        name=request.POST.get("name", ""),
        collection=_collection(request, access),
    )
    messages.success(request, _("Saved."))
    return _back(chosen.id)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def gate(request: HttpRequest, access: Access, question_set: UUID) -> HttpResponse:
    chosen = access_question_set(access, question_set)
    set_gate(
        access=access, question_set=chosen, is_gate="is_gate" in request.POST, minimums=_minimums(request, chosen)
    )
    messages.success(request, _("Saved."))
    return _back(chosen.id)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def delete(request: HttpRequest, access: Access, question_set: UUID) -> None:
    delete_question_set(access=access, question_set=access_question_set(access, question_set))
    messages.success(request, _("The question set is deleted."))


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def run(request: HttpRequest, access: Access, question_set: UUID) -> HttpResponse:
    chosen = access_question_set(access, question_set)
    mode = request.POST.get("mode", Mode.HYBRID.value)
    if mode not in set(Mode):
        raise InvalidInput.at("/mode", _("There is no such way to search."), "invalid_choice")
    start_evaluation(access=access, question_set=chosen, mode=Mode(mode))
    return _back(chosen.id)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def remove_question(request: HttpRequest, access: Access, question_set: UUID, set_question: UUID) -> HttpResponse:
    chosen = access_question_set(access, question_set)
    delete_question(access=access, question=access_question(chosen, set_question))
    return _back(chosen.id)


def _back(set_id: UUID) -> HttpResponse:
    return redirect(reverse("portal:settings-question-set", args=[set_id]))


def _shown(run: EvaluationRun | None) -> dict[str, Any]:
    is_finished = run is not None and run.status == EvaluationRun.Status.FINISHED
    return {"run": run, "figures": chief_figures(run) if run is not None and is_finished else []}


def _mode_names() -> dict[Mode, str]:
    return {
        Mode.HYBRID: _("By meaning and words"),
        Mode.VECTOR: _("By meaning"),
        Mode.LEXICAL: _("By words"),
    }


def _collection(request: HttpRequest, access: Access) -> Collection | None:
    sent = request.POST.get("collection", "")
    if not sent:
        return None
    try:
        wanted = UUID(sent)
    except ValueError as error:
        raise InvalidInput.at("/collection", _("There is no such collection."), "unknown_id") from error
    return require_collections(access, [wanted], pointer="/collection")[0]


def _minimums(request: HttpRequest, chosen: QuestionSet) -> dict[str, float]:
    """Those of the form, and those that were set elsewhere and that it does not ask for."""
    found: dict[str, float] = {name: least for name, least in chosen.minimums.items() if name not in GATED}
    for name in GATED:
        sent = request.POST.get(name, "").strip().replace(",", ".")
        if sent:
            try:
                found[name] = float(sent)
            except ValueError as error:
                detail = _("A minimum is a number between 0 and 1.")
                raise InvalidInput.at(f"/minimums/{name}", detail, "invalid") from error
    return found
