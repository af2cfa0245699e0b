"""Feedback in the portal: thumbs under an answer, and what others think of answers from one's documents."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request

from conversations.api.feedback import (
    ExpectedInput,
    FeedbackInput,
    FeedbackPages,
    FeedbackQuery,
    export_feedback,
)
from conversations.models import Feedback, Rating
from conversations.selectors.conversations import access_reply, own_feedback
from conversations.selectors.feedback import (
    FeedbackFilter,
    access_feedback,
    feedback_views,
    list_feedback,
    reads_all_feedback,
)
from conversations.services.feedback import (
    Expected,
    give_feedback,
    keep_as_question,
    mark_feedback_seen,
    withdraw_feedback,
)
from documents.views.forms import fields_of
from retrieval.selectors import access_question_set, list_question_sets
from tenants.access import Access
from tenants.errors import DocentError
from tenants.permissions import Action
from tenants.web.portal_views import is_navigation, portal_view, wants_json

_SHOWN = {
    "": gettext_lazy("All"),
    "new": gettext_lazy("New"),
    "up": gettext_lazy("Helpful"),
    "down": gettext_lazy("Not helpful"),
    "commented": gettext_lazy("With a comment"),
}
_QUERIES: dict[str, dict[str, Any]] = {
    "": {},
    "new": {"new": True},
    "up": {"rating": "up"},
    "down": {"rating": "down"},
    "commented": {"commented": True},
}


@require_POST
@portal_view(Action.CHAT)
def answer_feedback(request: HttpRequest, access: Access, message: UUID) -> HttpResponse:
    """What one thinks of an answer; a rating of null takes it back."""
    access_reply(access, message)
    sent = fields_of(request)
    if isinstance(sent, dict) and sent.get("rating", "") is None:
        withdraw_feedback(access=access, message_id=message)
        return JsonResponse({"feedback": None})
    body = FeedbackInput(data=sent)
    body.is_valid(raise_exception=True)
    wanted = body.validated_data
    given, _is_first = give_feedback(
        access=access, message_id=message, rating=Rating(wanted["rating"]), comment=wanted["comment"]
    )
    return JsonResponse({"feedback": own_feedback(given)})


@require_safe
@portal_view(Action.READ_DOCUMENTS)
def feedback(request: HttpRequest, access: Access) -> HttpResponse:
    """What others think of answers that cite one's documents; to admins, of all answers."""
    shown = request.GET.get("show", "")
    shown = shown if shown in _QUERIES else ""
    wanted = FeedbackQuery(data={**_narrowed(request), **_QUERIES[shown]})
    wanted.is_valid(raise_exception=True)
    narrowed = FeedbackFilter.of(wanted.validated_data)
    pages = FeedbackPages()
    found: list[Feedback] = pages.paginate_queryset(list_feedback(access, narrowed), Request(request)) or []
    reads_all = reads_all_feedback(access)
    context = {
        "section": "documents",
        "rows": [
            {**view, "updated_at": one.updated_at}
            for one, view in zip(found, feedback_views(access, found), strict=True)
        ],
        "reads_all": reads_all,
        "choices": [
            {"label": label, "path": f"?{urlencode({'show': name})}" if name else "?", "is_chosen": name == shown}
            for name, label in _SHOWN.items()
        ],
        "newer_url": pages.get_previous_link(),
        "older_url": pages.get_next_link(),
        "csv_url": f"{reverse('portal:feedback-export')}?{urlencode({'show': shown})}",
        "sets": list_question_sets(access).order_by("name") if reads_all else [],
    }
    return render(request, "feedback.html", context)


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def export(request: HttpRequest, access: Access) -> HttpResponseBase:
    """The same as a file."""
    shown = request.GET.get("show", "")
    return await export_feedback(access, FeedbackFilter.of(_QUERIES.get(shown, {})))


@require_POST
@portal_view(Action.READ_DOCUMENTS)
def seen(request: HttpRequest, access: Access) -> HttpResponse:
    mark_feedback_seen(access=access)
    return redirect("portal:feedback") if is_navigation(request) else HttpResponse(status=HTTPStatus.NO_CONTENT)


@require_POST
@portal_view(Action.MANAGE_TENANT)
def keep(request: HttpRequest, access: Access, feedback: UUID) -> HttpResponse:
    """Put the question into a set; what is right comes from the form, or from the answer that was liked."""
    found = access_feedback(access, feedback)
    sent = request.POST
    chosen = access_question_set(access, UUID(sent["set"])) if _is_uuid(sent.get("set", "")) else None
    try:
        body = ExpectedInput(data=_expected(sent))
        body.is_valid(raise_exception=True)
        keep_as_question(
            access=access, feedback=found, question_set=chosen, expected=Expected(**body.validated_data)
        )
    except DocentError as error:
        if wants_json(request) or not is_navigation(request):
            raise
        messages.error(request, error.errors[0].detail if error.errors else error.detail)
        return redirect("portal:feedback")
    messages.success(request, _("The question is in the set."))
    return redirect("portal:feedback")


def _expected(sent: Any) -> dict[str, Any]:
    """The form's choice: right as it is, answered elsewhere, or not answered by the documents."""
    match sent.get("right", ""):
        case "none":
            return {"answerable": False}
        case "other":
            pages = [int(one) for one in sent.get("pages", "").replace(",", " ").split() if one.isdecimal()]
            return {"answerable": True, "document": sent.get("document", ""), "pages": pages or None}
    return {}


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _narrowed(request: HttpRequest) -> dict[str, Any]:
    return {"cursor": request.GET["cursor"]} if "cursor" in request.GET else {}
