"""Pages of the chat. Asking itself goes over the socket."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from conversations.chat_models import chooser, own_models
from conversations.models import Conversation
from conversations.personas import offered_personas
from conversations.rendering import portal_chips, portal_places, render_blocks
from conversations.selectors import (
    access_conversation,
    access_reply,
    chosen_scope,
    list_attachments,
    trace_view,
)
from conversations.services.archives import reopen_conversation
from conversations.services.conversations import (
    create_conversation,
    delete_conversation,
    rename_conversation,
)
from conversations.services.turns import choose_branch
from conversations.shelved import shown_branch
from conversations.views.parts import last_part, part_before
from documents.extraction import ACCEPTED_EXTENSIONS
from documents.models import Document
from documents.models import Status as DocumentStatus
from documents.selectors import visible_collections
from documents.views.rows import document_row
from tenants.access import Access
from tenants.api.serializers import StrictJSONParser
from tenants.errors import InvalidInput, NotFound
from tenants.limits.words import OF_ASKING, tight_limits
from tenants.permissions import Action
from tenants.portal import portal_view, wants_json
from tenants.selectors import get_tenant

NEW_CHAT = "New chat"
LISTS = ("meaning", "words", "title")
STAGES = {
    "whole": gettext_lazy("Question made whole"),
    "embedding": gettext_lazy("Embedding"),
    "search": gettext_lazy("Search"),
    "lists": gettext_lazy("of it, lists"),
    "ranking": gettext_lazy("of it, ranking"),
    "reranking": gettext_lazy("Re-ranking"),
    "first_token": gettext_lazy("First token"),
    "writing": gettext_lazy("Writing"),
    "citing": gettext_lazy("Citing"),
}


@require_safe
@portal_view(Action.CHAT)
def chat(request: HttpRequest, access: Access) -> HttpResponse:
    """A new chat."""
    return _page(request, access, None)


@require_safe
@portal_view(Action.CHAT)
def conversation(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """A conversation of one's own, or what was said in it before some message."""
    found = access_conversation(access, conversation)
    before = request.GET.get("before")
    return _earlier(request, access, found, before) if before else _page(request, access, found)


def _earlier(request: HttpRequest, access: Access, found: Conversation, before: str) -> HttpResponse:
    part = part_before(shown_branch(access, found), before)
    context = {
        "conversation": found,
        "current": found,
        "messages_list": [_presented(message) for message in part.messages],
        "earlier": part.earlier,
        "can_explain": access.allows(Action.EXPLAIN_ANSWERS),
    }
    return render(request, "chat_earlier.html", context)


@require_POST
@portal_view(Action.CHAT)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """Begin a conversation, with an assistant if the body names one; its first question names it."""
    persona = _json(request).get("persona")
    begun = create_conversation(access=access, persona=str(persona) if persona else None)
    return JsonResponse(
        {
            "id": str(begun.id),
            "title": begun.title or NEW_CHAT,
            "url": reverse("portal:conversation", args=[begun.id]),
            "socket_url": _socket_url(begun),
        },
        status=201,
    )


@require_POST
@portal_view(Action.CHAT)
def rename(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    found = access_conversation(access, conversation)
    title = request.POST.get("title") or _json(request).get("title", "")
    renamed = rename_conversation(access=access, conversation=found, title=str(title))
    if wants_json(request):
        return JsonResponse({"id": str(renamed.id), "title": renamed.title})
    return HttpResponseRedirect(reverse("portal:conversation", args=[renamed.id]))


@require_POST
@portal_view(Action.CHAT)
def branch(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """Go to the branch through another version of a question or an answer."""
    found = access_conversation(access, conversation)
    message = _message_id(request)
    choose_branch(access=access, conversation=found, message_id=message)
    return HttpResponseRedirect(f"{reverse('portal:conversation', args=[found.id])}?message={message}")


def _message_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("message", ""))
    except ValueError as error:
        raise InvalidInput.at("/message", _("There is no such message."), "unknown_id") from error


@require_POST
@portal_view(Action.CHAT)
def reopen(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """Go on with one that has ended, archived or not."""
    reopen_conversation(access=access, conversation=access_conversation(access, conversation))
    return HttpResponseRedirect(reverse("portal:conversation", args=[conversation]))


@require_POST
@portal_view(Action.CHAT)
def delete(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    delete_conversation(access=access, conversation=access_conversation(access, conversation))
    return HttpResponseRedirect(reverse("portal:chat"))


@require_safe
@portal_view(Action.EXPLAIN_ANSWERS)
def why(request: HttpRequest, access: Access, message: UUID) -> HttpResponse:
    """Why one's own answer says what it says, for the page to open under it."""
    trace = trace_view(access, access_reply(access, message))
    if trace is None:
        raise NotFound(_("Nothing was searched for this answer."))
    stages = [(label, 1000 * trace["stages"][name]) for name, label in STAGES.items() if name in trace["stages"]]
    places = portal_places(trace["passages"])
    passages = [{**one, "lists": [_in_list(one, name) for name in LISTS]} for one in places]
    context = {"trace": {**trace, "stages": stages, "passages": passages}}
    response = render(request, "portal/_why.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _in_list(passage: dict[str, Any], name: str) -> dict[str, Any]:
    return {"rank": passage["ranks"].get(name), "share": passage["shares"].get(name)}


def _page(request: HttpRequest, access: Access, found: Conversation | None) -> HttpResponse:
    part = last_part(shown_branch(access, found) if found else [], request.GET.get("message", ""))
    collections = (
        visible_collections(access)
        .annotate(documents_count=Count("documents", filter=Q(documents__status=DocumentStatus.READY)))
        .order_by("created_at")
    )
    context = {
        "conversation": found,
        "current": found,
        "messages_list": [_presented(message) for message in part.messages],
        "earlier": part.earlier,
        "can_explain": access.allows(Action.EXPLAIN_ANSWERS),
        "collections": [
            {"id": one.id, "name": one.name, "documents": one.documents_count, "is_default": one.is_default}
            for one in collections
        ],
        **_assistants(request, access, found),
        "sample_questions": get_tenant(access.tenant_id).sample_questions,
        "tight_limits": tight_limits(access, OF_ASKING),
        "model_name": async_to_sync(chooser().name)(own_models()),
        "socket_url": _socket_url(found) if found else reverse("portal:chat") + "ws/",
        "create_url": reverse("portal:conversation-create"),
        "attachments": [document_row(access, one) for one in _attached(access, found)],
        "limits": {
            "max_file_bytes": settings.DOCENT_MAX_FILE_BYTES,
            "accept": ",".join(ACCEPTED_EXTENSIONS),
        },
    }
    return render(request, "chat.html", context)


def _assistants(request: HttpRequest, access: Access, found: Conversation | None) -> dict[str, Any]:
    """The conversation's assistant, or those that a new chat may begin with and the one that it does."""
    if found is not None:
        searched = chosen_scope(found)
        usual = searched.collections if searched.documents is None else None
        return {"assistant": found.persona, "usual_collections": usual or ()}
    offered = offered_personas(access)
    asked_for = request.GET.get("persona", "")
    preset = next((one for one in offered if one["is_default"]), None)
    return {
        "assistants": offered,
        "has_default_assistant": preset is not None,
        "chosen_assistant": next((one for one in offered if one["slug"] == asked_for), preset),
    }


def _attached(access: Access, found: Conversation | None) -> Iterable[Document]:
    if found is None:
        return []
    return list_attachments(access, found).select_related("collection").order_by("-created_at", "-id")


def _presented(message: dict[str, Any]) -> dict[str, Any]:
    """A stored message as the page shows it: only verified markers are chips."""
    chips = portal_chips(message["citations"])
    if message["status"] in {"pending", "streaming"}:
        chips = portal_chips(message["sources"])
    blocks: list[SafeString] = []
    if message["role"] == "assistant":
        # Safe: nh3 cleaned it last.
        blocks = [mark_safe(html) for html in render_blocks(message["content"], chips)]  # noqa: S308
    finish = {"finished": "length" if message["finish_reason"] == "length" else "done"}
    return {**message, "html_blocks": blocks, "finish": finish.get(message["status"], message["status"])}


def _socket_url(found: Conversation) -> str:
    return f"{reverse('portal:chat')}ws/conversations/{found.id}/"


def _json(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        return {}
    data = StrictJSONParser().parse(BytesIO(request.body))
    return data if isinstance(data, dict) else {}
