"""What the question field asks for: what may be picked, what a chat searches, and what may be asked next."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Conversation
from conversations.question_field import offers
from conversations.selectors.conversations import (
    access_conversation,
    access_reply,
    told_collections,
    told_documents,
)
from conversations.selectors.personas import default_collections
from conversations.services.conversations import choose_scope
from conversations.suggestions import suggest_questions
from conversations.views.bodies import id_of, ids_in, json_body
from documents.models import Document
from documents.selectors import access_document, list_documents, visible_collections
from tenants.access import Access
from tenants.errors import NotFound
from tenants.permissions import Action
from tenants.web.portal_views import portal_view

_NO_STORE = {"Cache-Control": "no-store"}


@require_safe
@portal_view(Action.CHAT)
def pick(request: HttpRequest, access: Access) -> HttpResponse:
    """What may be picked whose name has the words of `q`: `kind` is places, prompts or assistants."""
    found = offers(access, request.GET.get("kind", "places"), request.GET.get("q", ""))
    return JsonResponse({"results": found}, headers=_NO_STORE)


@require_POST
@portal_view(Action.CHAT)
def scope(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """What a chat searches from its next question on; neither collections nor documents is what is usual."""
    body = json_body(request)
    choose_scope(
        access=access,
        conversation=access_conversation(access, conversation),
        collections=ids_in(body, "collections"),
        documents=ids_in(body, "documents"),
    )
    return JsonResponse({"conversation": str(conversation)})


@require_safe
@portal_view(Action.CHAT)
def follow_ups(request: HttpRequest, access: Access) -> HttpResponse:
    """What may be asked after the answer that the address names; nothing after one that is gone by now."""
    try:
        questions = suggest_questions(access, access_reply(access, id_of(request.GET.get("answer", ""))))
    except NotFound:
        questions = []
    return JsonResponse({"questions": questions}, headers=_NO_STORE)


def scope_context(request: HttpRequest, access: Access, found: Conversation | None) -> dict[str, Any]:
    """What the chips show at first: what a conversation was told, in a new chat the documents of the address."""
    if found is None:
        named = dict.fromkeys(id_of(one) for one in request.GET.getlist("document"))
        return {"chosen_documents": _shown([access_document(access, one) for one in named])}
    documents, told, usual = told_documents(found), told_collections(found), default_collections(found)
    shown = list(list_documents(access).filter(id__in=documents).order_by("title", "id")) if documents else []
    seen = _seen(access, {*told, *usual})
    return {
        "chosen_collections": [one for one in told if one in seen],
        "usual_collections": [one for one in usual if one in seen],
        "chosen_documents": _shown(shown),
        # What is shown may be less than that: some of it may be out of sight by now.
        "is_scope_whole": len(shown) == len(documents) and seen.issuperset(told),
    }


def _seen(access: Access, collections: set[UUID]) -> set[UUID]:
    if not collections:
        return set()
    return set(visible_collections(access).filter(id__in=collections).values_list("id", flat=True))


def _shown(documents: Sequence[Document]) -> list[dict[str, str]]:
    return [{"id": str(one.id), "name": one.title} for one in documents]
