"""`/widget/api/<key>/…`: what the widget's page calls, in the name of a visitor and of nobody else."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from rest_framework import serializers

from conversations.models import Visitors
from conversations.replies import runner
from conversations.selectors.conversations import (
    access_conversation,
    access_message,
    access_reply,
    list_conversations,
    list_messages,
)
from conversations.services.leases import request_stop
from conversations.widget.asking import ask_as_visitor
from conversations.widget.entry import Caller, Visit, arrived_at, for_callers, for_visitors
from conversations.widget.events import frames_of, shown_messages
from conversations.widget.limits import require_address
from conversations.widget.visitors import issue, renewed, vouched_for
from tenants.access import Access
from tenants.api.asynchronous import event_frame, event_stream, json_body, json_response
from tenants.api.idempotency import attempt_of
from tenants.api.serializers import StrictSerializer
from tenants.db import run_in_tenant, run_unit

_LONGEST_WORD = 4096
# The last ones of a visitor, and of one conversation.
_CONVERSATIONS, _MESSAGES = 20, 200


class SessionInput(StrictSerializer):
    visitor = serializers.CharField(max_length=_LONGEST_WORD, required=False)


class QuestionInput(StrictSerializer):
    question = serializers.CharField(trim_whitespace=False, allow_blank=True)
    conversation = serializers.UUIDField(required=False, allow_null=True, default=None)


@for_callers("POST")
async def session(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """A visitor's token: of one's own for another hour, for whom the site vouches, or for a stranger."""
    word = json_body(request, SessionInput, is_optional=True).get("visitor")
    site = caller.opened.site
    is_signed = site.visitors == Visitors.SIGNED
    visitor = vouched_for(site, word) if is_signed and word else renewed(site, caller.token)
    token, seconds = issue(site, visitor)
    return json_response({"token": token, "expires_in": seconds, "name": visitor.name})


@for_visitors("POST")
async def ask(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Ask, and read the answer as server-sent events."""
    data = json_body(request, QuestionInput)
    access = visit.access
    attempt = attempt_of(request, access, data)
    await require_address(visit.site, visit.address)
    asked = await run_unit(
        lambda: ask_as_visitor(
            access=access,
            site=visit.site,
            content=data["question"],
            conversation_id=data["conversation"],
            process_id=runner.writing_process(),
            arrived_at=arrived_at(request),
            attempt=attempt,
        )
    )
    runner.start(asked)
    return event_stream(access, _told(access, asked.conversation_id, asked.message_id))


async def _told(access: Access, conversation: UUID, message: UUID) -> Any:
    accepted = {"type": "accepted", "message": str(message), "conversation": str(conversation)}
    yield event_frame(accepted, number=0)
    async for frame in frames_of(access, message):
        yield frame


@for_visitors("GET")
async def conversations(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """One's own, the latest first."""

    def own() -> list[dict[str, Any]]:
        rows = list_conversations(visit.access).order_by("-updated_at", "-id")[:_CONVERSATIONS]
        return [{"id": str(one.id), "updated_at": one.updated_at.isoformat()} for one in rows]

    return json_response({"results": await run_in_tenant(visit.access.tenant_id, own)})


@for_visitors("GET")
async def messages(request: HttpRequest, visit: Visit, conversation: UUID) -> HttpResponseBase:
    """What was said in one of one's own."""

    def said() -> list[dict[str, Any]]:
        found = list_messages(access_conversation(visit.access, conversation)).reverse()[:_MESSAGES]
        return shown_messages(visit.access, reversed(found))

    return json_response({"results": await run_in_tenant(visit.access.tenant_id, said)})


@for_visitors("GET")
async def events(request: HttpRequest, visit: Visit, message: UUID) -> HttpResponseBase:
    """An answer's events from its beginning, while it is written and after."""
    await run_in_tenant(visit.access.tenant_id, access_reply, visit.access, message)
    return event_stream(visit.access, frames_of(visit.access, message))


@for_visitors("POST")
async def stop(request: HttpRequest, visit: Visit, message: UUID) -> HttpResponseBase:
    """Stop an answer; what is written stays. One that is over stays as it is."""
    access = visit.access
    found = await run_in_tenant(access.tenant_id, access_reply, access, message)
    running = runner.find_running(message)
    if running is not None:
        running.stop()
        await running.finished()
    elif not found.is_over:
        await run_unit(lambda: request_stop(access=access, message=found))
    after = await run_in_tenant(access.tenant_id, access_message, access, message)
    return json_response({"id": str(after.id), "status": after.status})
