"""What the menu of a conversation leads to: pinning, export, sharing, and what others share."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.api.transcripts import export_response
from conversations.citing.sources import by_document
from conversations.models import Conversation, Share
from conversations.rendering import portal_chips, portal_places, render_blocks
from conversations.selectors.conversations import access_conversation
from conversations.selectors.shares import (
    access_share,
    list_shared_messages,
    list_shares_with,
    may_share,
    share_views,
    shared_message_views,
    shares_of,
)
from conversations.services.copies import copy_share
from conversations.services.pinning import pin_conversation
from conversations.services.shares import create_share, end_share, note_opened
from tenants.access import Access
from tenants.addresses.links import absolute
from tenants.errors import InvalidInput
from tenants.models import Group, Membership
from tenants.permissions import Action
from tenants.selectors import list_groups, list_members
from tenants.web.portal_views import portal_view, wants_json

# For how long, in days; 0 is without an end.
DURATIONS = {
    "0": gettext_lazy("Until I end it"),
    "1": gettext_lazy("A day"),
    "7": gettext_lazy("A week"),
    "30": gettext_lazy("A month"),
}
_LISTED = 200


@require_POST
@portal_view(Action.CHAT)
def pin(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """Pin, or with `pinned=false` unpin."""
    found = access_conversation(access, conversation)
    is_pinned = request.POST.get("pinned", "true") != "false"
    pin_conversation(access=access, conversation=found, is_pinned=is_pinned)
    if wants_json(request):
        return JsonResponse({"id": str(found.id), "pinned": is_pinned})
    return HttpResponseRedirect(reverse("portal:conversation", args=[found.id]))


@require_safe
@portal_view(Action.CHAT)
def export(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """The conversation as a file."""
    return export_response(access, conversation, request.GET)


@require_http_methods(["GET", "POST"])
@portal_view(Action.SHARE)
def share_conversation(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """Who reads a conversation of one's own, and a form to let others."""
    found = access_conversation(access, conversation)
    if request.method != "POST":
        return _sharing(request, access, found)
    try:
        share = _create(request, access, found)
    except InvalidInput as error:
        if wants_json(request):
            raise
        return _sharing(request, access, found, wrong=error.detail)
    if wants_json(request):
        return JsonResponse({"id": str(share.id), "url": _url(share)}, status=201)
    messages.success(request, _("The conversation is shared."))
    return HttpResponseRedirect(reverse("portal:conversation-share", args=[found.id]))


def _create(request: HttpRequest, access: Access, found: Conversation) -> Share:
    days = request.POST.get("days", "0")
    if days not in DURATIONS:
        raise InvalidInput.at("/days", _("Choose for how long."), "invalid_choice")
    return create_share(
        access=access,
        conversation=found,
        people=_ids(request, "people"),
        groups=_ids(request, "groups"),
        is_by_link="link" in request.POST,
        is_living="follows" in request.POST,
        expires_at=timezone.now() + timedelta(days=int(days)) if int(days) else None,
    )


def _ids(request: HttpRequest, name: str) -> list[UUID]:
    try:
        return [UUID(one) for one in request.POST.getlist(name)]
    except ValueError as error:
        raise InvalidInput.at(f"/{name}", _("This is nobody's id."), "invalid") from error


def _sharing(request: HttpRequest, access: Access, found: Conversation, wrong: str = "") -> HttpResponse:
    members = {one.user_id: one for one in list_members(access).exclude(user=access.user_id)}
    groups = {one.id: one for one in list_groups(access).order_by("name")}
    context = {
        "conversation": found,
        "current": found,
        "may_share": may_share(access),
        "people": sorted(members.values(), key=lambda one: (one.user.name or one.user.email).casefold()),
        "groups": list(groups.values()),
        "durations": DURATIONS.items(),
        "shares": [_row(one, members, groups) for one in share_views(access, _with(found, shares_of(found)))],
        "wrong": wrong,
    }
    return render(request, "share.html", context, status=400 if wrong else 200)


def _with(found: Conversation, shares: Any) -> list[Share]:
    """The shares of one conversation, without asking for it again."""
    rows = list(shares)
    for row in rows:
        row.conversation = found
    return rows


def _row(view: Any, members: dict[UUID, Membership], groups: dict[UUID, Group]) -> dict[str, Any]:
    """A share with the names of those whom it is given to."""
    people = [members[one].user for one in view.people if one in members]
    names = [one.name or one.email for one in people] + [groups[one].name for one in view.groups if one in groups]
    return {"share": view, "names": names, "url": absolute(reverse("portal:share", args=[view.id]))}


def _url(share: Share) -> str:
    return absolute(reverse("portal:share", args=[share.id]))


@require_POST
@portal_view(Action.CHAT)
def revoke(request: HttpRequest, access: Access, share: UUID) -> HttpResponse:
    """End a share of one's own, or take a link that one has opened off one's list."""
    found = access_share(access, share)
    end_share(access=access, share=found)
    if wants_json(request):
        return HttpResponse(status=204)
    if found.created_by_id != access.user_id:
        messages.success(request, _("It is off your list. Its link opens it again."))
        return HttpResponseRedirect(reverse("portal:shared"))
    messages.success(request, _("It is not shared any more."))
    return HttpResponseRedirect(reverse("portal:conversation-share", args=[found.conversation_id]))


@require_safe
@portal_view(Action.CHAT)
def shared(request: HttpRequest, access: Access) -> HttpResponse:
    """What others let one read."""
    found = list_shares_with(access).select_related("conversation").order_by("-created_at", "-id")[:_LISTED]
    context = {"section": "shared", "shares": share_views(access, list(found))}
    return render(request, "shared_with_me.html", context)


@require_safe
@portal_view(Action.CHAT)
def share(request: HttpRequest, access: Access, share: UUID) -> HttpResponse:
    """A conversation that somebody shares, as one may read it."""
    found = access_share(access, share)
    note_opened(access=access, share=found)
    [view] = share_views(access, [found])
    shown = shared_message_views(access, found, list_shared_messages(found))
    context = {
        "share": view,
        "section": "shared",
        "messages_list": [_presented(message) for message in shown],
        "withheld": sum(message["is_withheld"] for message in shown),
    }
    response = render(request, "shared.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _presented(message: dict[str, Any]) -> dict[str, Any]:
    blocks: list[SafeString] = []
    if message["role"] == "assistant":
        chips = portal_chips(message["citations"])
        # Safe: nh3 cleaned it last.
        blocks = [mark_safe(html) for html in render_blocks(message["content"], chips)]  # noqa: S308
    finish = {"finished": "length" if message["finish_reason"] == "length" else "done"}
    is_running = message["status"] in {"pending", "streaming"}
    return {
        **message,
        "usage": {},
        "timings": {},
        "html_blocks": blocks,
        "cited": by_document(portal_places(message["citations"])),
        "is_running": is_running,
        "finish": finish.get(message["status"], message["status"]),
    }


@require_POST
@portal_view(Action.CHAT)
def copy(request: HttpRequest, access: Access, share: UUID) -> HttpResponse:
    """Go on with a shared conversation as one's own."""
    made, left_out = copy_share(access=access, share=access_share(access, share))
    if left_out:
        messages.info(request, _("Some answers are not in your copy: you cannot see what they rest on."))
    return HttpResponseRedirect(reverse("portal:conversation", args=[made.id]))
