"""All of one's conversations: older ones, archived ones, those that fit some words, and what is done with many."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from conversations.answering.evidence import vector_of
from conversations.api.finding import searched_for
from conversations.models import Conversation
from conversations.searching.listing import Place, item_of, listed, piece_of, sidebar_piece
from conversations.searching.results import found_items
from conversations.searching.search import find_conversations
from conversations.selectors.conversations import access_conversation, list_deleted
from conversations.services.archives import archive_conversation
from conversations.services.deleting import delete_conversation, restore_conversation
from conversations.transcripts import transcripts_of
from retrieval.types import QuestionVector
from tenants.access import Access
from tenants.db import run_in_tenant, tenant_atomic
from tenants.errors import DocentError, InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view, wants_json

_FOUND, _LATEST = 30, 8
MOST_CHOSEN = 100


@require_safe
@portal_view(Action.CHAT)
async def conversations(request: HttpRequest, access: Access) -> HttpResponse:
    """The list as a page, for choosing many, and for whoever has no scripts; with `q` what fits."""
    words, vector = await _sought(request, access)
    return await run_in_tenant(access.tenant_id, _page, request, access, words, vector)


def _page(request: HttpRequest, access: Access, words: str, vector: QuestionVector | None) -> HttpResponse:
    is_archived = request.GET.get("status") == "archived"
    context: dict[str, Any] = {"q": words, "is_archived": is_archived, "section": "conversations"}
    if words:
        context["found"] = found_items(words, find_conversations(access, words, vector)[:_FOUND])
    else:
        own = listed(access).filter(archived_at__isnull=not is_archived)
        piece = piece_of(own, Place.of(request.GET.get("before", "")))
        context["items"] = [item_of(one) for one in piece.conversations]
        context["next_place"] = str(piece.end) if piece.end else ""
        context["is_first"] = "before" not in request.GET
        context["deleted"] = list(list_deleted(access).values_list("id", flat=True)[:MOST_CHOSEN])
    response = render(request, "conversations.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@portal_view(Action.CHAT)
def more(request: HttpRequest, access: Access) -> HttpResponse:
    """A piece of the list beside every page, for its script; the first one without `before`."""
    context = sidebar_piece(access, Place.of(request.GET.get("before", "")))
    response = HttpResponse(render_to_string("portal/_conversation_groups.html", context))
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@portal_view(Action.CHAT)
async def found(request: HttpRequest, access: Access) -> HttpResponse:
    """What fits some words, for the search over every page; without any the latest conversations."""
    words, vector = await _sought(request, access)
    response = HttpResponse(await run_in_tenant(access.tenant_id, _options, access, words, vector))
    response["Cache-Control"] = "no-store"
    return response


def _options(access: Access, words: str, vector: QuestionVector | None) -> str:
    if words:
        items = found_items(words, find_conversations(access, words, vector)[:_FOUND])
    else:
        items = [{**item_of(one), "hit": None} for one in listed(access)[:_LATEST]]
    return render_to_string("portal/_found_options.html", {"q": words, "found": items})


async def _sought(request: HttpRequest, access: Access) -> tuple[str, QuestionVector | None]:
    words = searched_for(request, name="q")
    return words, await vector_of(access, words) if words else None


@require_POST
@portal_view(Action.CHAT)
def chosen(request: HttpRequest, access: Access) -> HttpResponse:
    """Archive, delete, bring back or export those that the form names, each for itself."""
    ids = _chosen_ids(request)
    action = request.POST.get("action", "")
    if action == "export":
        return _exported(access, ids)
    if action not in _ACTIONS:
        raise InvalidInput.at("/action", _("Choose what is to be done."), "invalid_choice")
    done, refused = _each(access, ids, _ACTIONS[action])
    if wants_json(request):
        return JsonResponse({"done": [str(one) for one in done], "refused": refused})
    if done:
        messages.success(request, _told(action, len(done)))
    for detail in dict.fromkeys(one["detail"] for one in refused):
        messages.error(request, detail)
    return HttpResponseRedirect(reverse("portal:conversations"))


def _chosen_ids(request: HttpRequest) -> list[UUID]:
    sent = request.POST.getlist("conversations")
    try:
        ids = list(dict.fromkeys(map(UUID, sent)))
    except ValueError as error:
        raise InvalidInput.at("/conversations", _("This is no conversation's id."), "invalid") from error
    if not ids:
        raise InvalidInput.at("/conversations", _("Choose a conversation first."), "required")
    if len(ids) > MOST_CHOSEN:
        detail = _("Choose up to {count} at once.").format(count=MOST_CHOSEN)
        raise InvalidInput.at("/conversations", detail, "max_length")
    return ids


def _archive(access: Access, one: UUID) -> None:
    archive_conversation(access=access, conversation=access_conversation(access, one))


def _delete(access: Access, one: UUID) -> None:
    delete_conversation(access=access, conversation=access_conversation(access, one))


def _restore(access: Access, one: UUID) -> None:
    restore_conversation(access=access, conversation_id=one)


_ACTIONS: dict[str, Callable[[Access, UUID], None]] = {"archive": _archive, "delete": _delete, "restore": _restore}


def _each(
    access: Access, ids: Sequence[UUID], action: Callable[[Access, UUID], None]
) -> tuple[list[UUID], list[dict[str, str]]]:
    done: list[UUID] = []
    refused: list[dict[str, str]] = []
    for one in ids:
        try:
            with tenant_atomic(access.tenant_id):
                action(access, one)
            done.append(one)
        except DocentError as error:
            refused.append({"id": str(one), "code": error.code, "detail": error.detail})
    return done, refused


def _told(action: str, count: int) -> str:
    if action == "archive":
        told = ngettext("{count} conversation archived.", "{count} conversations archived.", count)
    elif action == "restore":
        told = ngettext("{count} conversation is back.", "{count} conversations are back.", count)
    else:
        told = ngettext("{count} conversation deleted.", "{count} conversations deleted.", count)
    return str(told.format(count=count))


def _exported(access: Access, ids: Sequence[UUID]) -> HttpResponse:
    own: list[Conversation] = [access_conversation(access, one) for one in ids]
    headers = {
        "Content-Disposition": 'attachment; filename="conversations.zip"',
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HttpResponse(transcripts_of(access, own), content_type="application/zip", headers=headers)
