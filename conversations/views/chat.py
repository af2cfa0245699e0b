"""Pages of the chat. Asking itself goes over the socket."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

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
from conversations.citing.sources import by_document
from conversations.models import Conversation, Message, Role
from conversations.rendering import portal_chips, portal_places, render_blocks
from conversations.selectors.archives import Branch, branch_through, find_branch
from conversations.selectors.consistent_reads import read_steadily
from conversations.selectors.conversations import (
    access_conversation,
    access_reply,
    access_thoughts,
    list_attachments,
    trace_view,
)
from conversations.selectors.life import life_rules
from conversations.selectors.personas import offered_personas
from conversations.services.archives import archive_conversation, reopen_conversation
from conversations.services.conversations import (
    create_conversation,
    rename_conversation,
)
from conversations.services.deleting import delete_conversation
from conversations.services.temporary import require_temporary_allowed
from conversations.services.turns import choose_branch
from conversations.suggestions import suggest_questions
from conversations.views.bodies import ids_in, json_body
from conversations.views.composer import scope_context
from conversations.views.parts import last_part, part_before, place_of
from documents.extraction import ACCEPTED_EXTENSIONS
from documents.models import Document
from documents.models import Status as DocumentStatus
from documents.selectors import visible_collections
from documents.views.rows import document_row
from tenants.access import Access
from tenants.errors import InvalidInput, NotFound
from tenants.limits.words import asking_limits
from tenants.permissions import Action
from tenants.selectors import get_tenant
from tenants.web.portal_views import portal_view, wants_json

NEW_CHAT = "New chat"
RUNNING = {"pending", "streaming"}
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
    """A new chat, about one document alone where `?document=` names it."""
    return chat_page(request, access, None)


@require_safe
@portal_view(Action.CHAT)
def conversation(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """A conversation of one's own, or what was said in it before some message."""
    before = request.GET.get("before")
    return read_steadily(
        lambda: access_conversation(access, conversation),
        lambda found: _earlier(request, access, found, before) if before else chat_page(request, access, found),
    )


def _earlier(request: HttpRequest, access: Access, found: Conversation, before: str) -> HttpResponse:
    branch = find_branch(access, found)
    part = part_before(branch.messages, before)
    context = {
        "conversation": found,
        "current": found,
        "messages_list": [
            _presented(one, is_archived=bool(found.archived_at)) for one in branch.views(part.messages)
        ],
        "earlier": part.earlier,
        "can_explain": access.allows(Action.EXPLAIN_ANSWERS),
    }
    return render(request, "chat_earlier.html", context)


@require_POST
@portal_view(Action.CHAT)
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """Begin a conversation, with the assistant and the scope that the body names; its first question names it."""
    body = json_body(request)
    persona = body.get("persona")
    begun = create_conversation(
        access=access,
        persona=str(persona) if persona else None,
        collections=ids_in(body, "collections"),
        documents=ids_in(body, "documents"),
        is_temporary=body.get("temporary") is True,
    )
    return JsonResponse(
        {
            "id": str(begun.id),
            "title": begun.title or NEW_CHAT,
            "url": reverse("portal:conversation", args=[begun.id]),
            "socket_url": _socket_url(begun),
            "temporary": begun.is_temporary,
        },
        status=201,
    )


@require_POST
@portal_view(Action.CHAT)
def rename(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    found = access_conversation(access, conversation)
    title = request.POST.get("title") or json_body(request).get("title", "")
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
    """Delete it. Without scripts the list offers to bring it back."""
    delete_conversation(access=access, conversation=access_conversation(access, conversation))
    if wants_json(request):
        return JsonResponse({"id": str(conversation)})
    return HttpResponseRedirect(reverse("portal:conversations"))


@require_POST
@portal_view(Action.CHAT)
def archive(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """End it and move its messages into a file; it stays where it is, to be read and reopened."""
    archive_conversation(access=access, conversation=access_conversation(access, conversation))
    return HttpResponseRedirect(reverse("portal:conversation", args=[conversation]))


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


@require_safe
@portal_view(Action.CHAT)
def thoughts(request: HttpRequest, access: Access, message: UUID) -> HttpResponse:
    """What the model thought before one's own answer, for the page to open above it."""
    text = access_thoughts(access, access_reply(access, message))
    return JsonResponse({"text": text}, headers={"Cache-Control": "no-store"})


def _in_list(passage: dict[str, Any], name: str) -> dict[str, Any]:
    return {"rank": passage["ranks"].get(name), "share": passage["shares"].get(name)}


def chat_page(
    request: HttpRequest, access: Access, found: Conversation | None, *, status: int = 200, **more: object
) -> HttpResponse:
    """The page of a conversation, or of one that is yet to begin; `more` is added to what its templates know."""
    wanted = request.GET.get("message", "")
    branch = _branch(access, found, wanted) if found else Branch([], lambda _some: [])
    part = last_part(branch.messages, wanted)
    messages = branch.views(part.messages)
    is_archived = bool(found and found.archived_at)
    limits, spent = asking_limits(access)
    context = {
        "conversation": found,
        "current": found,
        "is_temporary": found.is_temporary if found else _is_temporary(request),
        "allows_temporary": found is None and life_rules().allows_temporary,
        "messages_list": [_presented(message, is_archived=is_archived) for message in messages],
        "earlier": part.earlier,
        "is_answering": any(one["status"] in RUNNING for one in messages),
        "can_explain": access.allows(Action.EXPLAIN_ANSWERS),
        **_collections(access),
        **_assistants(request, access, found),
        **scope_context(request, access, found),
        "follow_ups": _follow_ups(access, messages),
        "sample_questions": get_tenant(access.tenant_id).sample_questions,
        "tight_limits": limits,
        "spent_limit": spent,
        "model_name": async_to_sync(chooser().name)(own_models()),
        "socket_url": _socket_url(found) if found else reverse("portal:chat") + "ws/",
        "create_url": reverse("portal:conversation-create"),
        "attachments": [document_row(access, one) for one in _attached(access, found)],
        "limits": {
            "max_file_bytes": settings.DOCENT_MAX_FILE_BYTES,
            "accept": ",".join(ACCEPTED_EXTENSIONS),
        },
        # The plain form's own: sent twice, it asks once.
        "attempt": uuid4(),
        **more,
    }
    return render(request, "chat.html", context, status=status)


def _collections(access: Access) -> dict[str, Any]:
    """What may be searched, and whether there is anything in it yet."""
    seen = (
        visible_collections(access)
        .annotate(documents_count=Count("documents", filter=Q(documents__status=DocumentStatus.READY)))
        .order_by("created_at")
    )
    return {
        "collections": [
            {"id": one.id, "name": one.name, "documents": one.documents_count, "is_default": one.is_default}
            for one in seen
        ],
        "has_documents": any(one.documents_count for one in seen),
    }


def _branch(access: Access, found: Conversation, wanted: str) -> Branch:
    """The branch that it is at, or where the address names a message of another branch, that one."""
    shown = find_branch(access, found)
    if not wanted or place_of(shown.messages, wanted) is not None:
        return shown
    try:
        return branch_through(access, found, UUID(wanted))
    except ValueError as error:
        raise NotFound(_("There is no such message.")) from error


def _assistants(request: HttpRequest, access: Access, found: Conversation | None) -> dict[str, Any]:
    """The conversation's assistant, or those that a new chat may begin with and the one that it does."""
    if found is not None:
        return {"assistant": found.persona}
    offered = offered_personas(access)
    asked_for = request.GET.get("persona", "")
    preset = next((one for one in offered if one["is_default"]), None)
    return {
        "assistants": offered,
        "has_default_assistant": preset is not None,
        "chosen_assistant": next((one for one in offered if one["slug"] == asked_for), preset),
    }


def _follow_ups(access: Access, messages: list[dict[str, Any]]) -> list[str]:
    """What may be asked after the last answer of the branch; an archive keeps no trace of how it came about."""
    last = Message.objects.filter(id=messages[-1]["id"], role=Role.ASSISTANT).first() if messages else None
    return suggest_questions(access, last) if last else []


def _attached(access: Access, found: Conversation | None) -> Iterable[Document]:
    if found is None:
        return []
    return list_attachments(access, found).select_related("collection").order_by("-created_at", "-id")


def _presented(message: dict[str, Any], *, is_archived: bool) -> dict[str, Any]:
    """A stored message as the page shows it: only verified markers are chips. No archive has thoughts."""
    chips = portal_chips(message["citations"])
    if message["status"] in RUNNING:
        chips = portal_chips(message["sources"])
    blocks: list[SafeString] = []
    if message["role"] == "assistant":
        # Safe: nh3 cleaned it last.
        blocks = [mark_safe(html) for html in render_blocks(message["content"], chips)]  # noqa: S308
    finish = {"finished": "length" if message["finish_reason"] == "length" else "done"}
    thought = 0 if is_archived else message["timings"].get("thinking", 0)
    return {
        **message,
        "html_blocks": blocks,
        "cited": by_document(portal_places(message["citations"])),
        "thought_seconds": thought and max(1, round(thought)),
        "finish": finish.get(message["status"], message["status"]),
    }


def _is_temporary(request: HttpRequest) -> bool:
    """Whether the new chat is to be a temporary one."""
    if "temporary" not in request.GET:
        return False
    require_temporary_allowed()
    return True


def _socket_url(found: Conversation) -> str:
    return f"{reverse('portal:chat')}ws/conversations/{found.id}/"
