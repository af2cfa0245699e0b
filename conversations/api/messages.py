"""Messages over REST: asked and awaited, streamed, or asked and looked up later."""

from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.answering.evidence import vector_of
from conversations.api.serializers import (
    AnswerSerializer,
    BranchQuery,
    MessageQuery,
    MessageSerializer,
    NewMessageSerializer,
    PendingSerializer,
    QuerySerializer,
    WhySerializer,
)
from conversations.chat_models import chooser
from conversations.events import TextAdded
from conversations.models import Conversation, Message, Mode, Origin
from conversations.replies import runner
from conversations.searching.recall import MAX_FOUND, search_messages
from conversations.selectors.archives import archived_messages, shown_branch
from conversations.selectors.branches import path_ids
from conversations.selectors.consistent_reads import read_steadily
from conversations.selectors.conversations import (
    access_conversation,
    access_message,
    access_reply,
    list_conversations,
    list_messages,
    message_views,
    require_unarchived,
    trace_view,
)
from conversations.services.conversations import create_conversation
from conversations.services.leases import request_stop, require_running
from conversations.services.messages import Asked, ask, find_attempted, require_content
from retrieval.types import QuestionVector
from tenants.access import Access
from tenants.addresses.links import absolute
from tenants.api.asynchronous import event_frame, event_stream, json_body, json_response
from tenants.api.idempotency import attempt_of, replayed
from tenants.api.pages import PageQuery, Pages
from tenants.api.streams import LAST_EVENT, events
from tenants.api.views import TenantView
from tenants.db import run_in_tenant, run_unit, tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.permissions import Action
from tenants.revocable_work import while_allowed
from tenants.services.idempotency import Attempt

R = TypeVar("R", bound=HttpResponseBase)

_OF = {"message": "uuid"}
EVENTS = events(
    "The answer while it is written, and last how it ended.",
    status=_OF | {"stage": "string", "detail": "string", "position?": "integer"},
    sources=_OF | {"items": "list"},
    thinking=_OF | {"offset": "integer", "text": "string"},
    delta=_OF | {"offset": "integer", "text": "string"},
    title=_OF | {"conversation": "uuid", "title": "string"},
    finished=_OF
    | {
        "finish_reason": "string",
        "citations": "list",
        "usage": "object",
        "timings": "object",
        "model": "string",
    },
    failed=_OF | {"code": "string", "detail": "string", "retryable": "boolean"},
)
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    enum=["respond-async"],
    description="202 at once, and where the answer's events are.",
)


class MessagesView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.CHAT}

    @extend_schema(
        operation_id="messages_list",
        parameters=[
            OpenApiParameter("search", str, description="what is looked for, by meaning and by words"),
            OpenApiParameter("leaf", UUID, description="only the branch that ends with this message"),
            PageQuery,
        ],
        responses=MessageSerializer(many=True),
    )
    async def get(self, request: HttpRequest, access: Access, conversation: UUID) -> HttpResponseBase:
        """Questions and answers, oldest first; with `search` those that fit, best first, on one page."""
        if not request.GET.get("search"):

            def listed() -> Any:
                return read_steadily(
                    lambda: access_conversation(access, conversation),
                    lambda whole: _listed(request, access, whole),
                )

            page = await run_in_tenant(access.tenant_id, listed)
            return json_response(page)
        await run_in_tenant(access.tenant_id, access_conversation, access, conversation)
        query = MessageQuery(data=request.GET)
        query.is_valid(raise_exception=True)
        search, limit = query.validated_data["search"], query.validated_data.get("limit", MAX_FOUND)
        vector = await vector_of(access, search)
        found = await run_in_tenant(access.tenant_id, _found, access, conversation, search, vector, limit)
        return json_response({"next": None, "previous": None, "results": found})

    @extend_schema(
        operation_id="messages_create",
        parameters=[PREFER],
        request=NewMessageSerializer,
        responses={201: MessageSerializer, 202: PendingSerializer, (200, "text/event-stream"): EVENTS},
    )
    async def post(self, request: HttpRequest, access: Access, conversation: UUID) -> HttpResponseBase:
        """Ask. Answers 201 when done; `Accept: text/event-stream` streams; `Prefer: respond-async` answers 202."""
        data = json_body(request, NewMessageSerializer)
        attempt = attempt_of(request, access, data)
        await chooser().require(access, data["model"])
        asked = await _ask(access, conversation, data, attempt)
        return await respond(request, access, asked)


class QueryView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="query", request=QuerySerializer, responses=AnswerSerializer)
    async def post(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """One call starts or continues a conversation and answers."""
        data = json_body(request, QuerySerializer)
        require_content(data["query"], pointer="/query")
        chosen = data["collection"] is not None or "mode" in data or data.get("persona") is not None
        if data["session_id"] is not None and chosen:
            raise InvalidInput.at(
                "/session_id", "Collection, mode and persona are chosen when a session begins.", "session_exists"
            )
        attempt = attempt_of(request, access, data)
        try:
            asked = await run_unit(lambda: _ask_session(access, data, attempt))
        except Conflict as error:
            raise _with_ways_on(error, data["session_id"]) from error
        runner.start(asked)
        message = await _answered(access, asked)
        answer = {
            "session_id": str(asked.conversation_id),
            "message_id": message["id"],
            "response": message["content"] or (message["error"] or {}).get("detail", ""),
            "sources": message["sources"],
            "sources_count": len(message["sources"]),
        }
        return _of(asked, json_response(answer))


class MessageView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(operation_id="messages_read", responses=MessageSerializer)
    def get(self, request: Request, message: UUID) -> Response:
        return Response(message_views(self.access, [access_message(self.access, message)])[0])


class WhyView(TenantView):
    actions_by_method = {"GET": Action.EXPLAIN_ANSWERS}

    @extend_schema(operation_id="messages_why", responses=WhySerializer)
    def get(self, request: Request, message: UUID) -> Response:
        """Why the answer says what it says: what was searched, found, given to the model and cited, and when."""
        found = trace_view(self.access, access_reply(self.access, message))
        if found is None:
            raise NotFound("Nothing was searched for this answer.", code="no_trace")
        return Response(found)


class EventsView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(
        operation_id="messages_events",
        parameters=[
            OpenApiParameter(
                "offset",
                {"type": "integer", "minimum": 0, "maximum": 999_999_999},
                description="how much of the text one has, in code points",
            ),
            LAST_EVENT,
        ],
        responses={(200, "text/event-stream"): EVENTS},
    )
    async def get(self, request: HttpRequest, access: Access, message: UUID) -> HttpResponseBase:
        """Follow a reply from an offset on, while it is written and after."""
        offset = _offset(request)
        found = await run_in_tenant(access.tenant_id, access_reply, access, message)
        await runner.require_written(access, found, offset)
        return event_stream(access, _frames(access, message, offset))


class StopView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="messages_stop", request=None, responses={200: MessageSerializer})
    async def post(self, request: HttpRequest, access: Access, message: UUID) -> HttpResponseBase:
        """Stop a reply; its text so far is kept. Over already: 409."""
        attempt = attempt_of(request, access)
        found, is_repeated = await run_in_tenant(access.tenant_id, _stoppable, access, message, attempt)
        running = runner.find_running(message)
        if running is not None:
            running.stop()
            await running.finished()
        elif not found.is_over:
            await run_unit(lambda: request_stop(access=access, message=found))
        response = json_response(await run_in_tenant(access.tenant_id, _read, access, message))
        return replayed(response) if is_repeated else response


def _listed(request: HttpRequest, access: Access, whole: Conversation) -> Any:
    query = BranchQuery(data={name: value for name, value in request.GET.items() if name != "search"})
    query.is_valid(raise_exception=True)
    leaf = query.validated_data.get("leaf")
    if whole.archived_at is not None:
        shown = archived_messages(access, whole) if leaf is None else shown_branch(access, whole, leaf=leaf)
        return {"next": None, "previous": None, "results": shown}
    found = list_messages(whole)
    if leaf is not None:
        if not found.filter(id=leaf).exists():
            raise InvalidInput.at("/leaf", "There is no such message in this conversation.", "unknown_id")
        found = found.filter(id__in=[*path_ids(leaf), leaf])
    pages = Pages()
    page: Iterable[Message] = pages.paginate_queryset(found, Request(request)) or []
    return pages.get_paginated_response(message_views(access, page)).data


def _found(
    access: Access, conversation: UUID, search: str, vector: QuestionVector | None, limit: int
) -> list[dict[str, Any]]:
    whole = access_conversation(access, conversation)
    require_unarchived(whole)
    found = list_messages(whole)
    best = search_messages(access, search, vector, conversation_id=conversation)[:limit]
    messages = found.in_bulk(best)
    return message_views(access, [messages[one] for one in best if one in messages])


def _stoppable(access: Access, message_id: UUID, attempt: Attempt | None) -> tuple[Message, bool]:
    """The reply, and whether stopping it was asked for by the same request before. Over already: `Conflict`."""
    message = access_reply(access, message_id)
    is_repeated = attempt is not None and attempt.find(wait=True) is not None
    if not is_repeated:
        require_running(message)
        if attempt is not None:
            attempt.keep_target(message_id)
    return message, is_repeated


def _of(asked: Asked, response: R) -> R:
    """The response; whatever was asked before says so."""
    return replayed(response) if asked.question is None else response


async def respond(request: HttpRequest, access: Access, asked: Asked) -> HttpResponseBase:
    """In the form that the request prefers: the answer when it is done, its events, or where to find them."""
    if "text/event-stream" in request.headers.get("Accept", ""):
        return _of(asked, event_stream(access, _frames(access, asked.message_id, asked.offset)))
    if "respond-async" in request.headers.get("Prefer", ""):
        events_url = absolute(f"/api/v1/messages/{asked.message_id}/events/")
        pending = {"message": str(asked.message_id), "events_url": events_url}
        return _of(asked, json_response(pending, status=202))
    return _of(asked, json_response(await _answered(access, asked), status=201))


async def _ask(access: Access, conversation: UUID, data: dict[str, Any], attempt: Attempt | None) -> Asked:
    asked = await run_unit(
        lambda: ask(
            access=access,
            conversation_id=conversation,
            content=data["content"],
            process_id=runner.writing_process(),
            parent=data["parent"],
            model=data["model"],
            attempt=attempt,
        )
    )
    runner.start(asked)
    return asked


def _ask_session(access: Access, data: dict[str, Any], attempt: Attempt | None) -> Asked:
    """Ask in the session, or begin one: where the question is refused none has begun."""
    session_id: UUID | None = data["session_id"]
    with tenant_atomic(access.tenant_id):
        if (asked := find_attempted(access, attempt)) is not None:
            return asked
        if session_id is None:
            session_id = _begin(access, data)
        else:
            _require_session(access, session_id)
        return ask(
            access=access,
            conversation_id=session_id,
            content=data["query"],
            process_id=runner.writing_process(),
            attempt=attempt,
        )


def _with_ways_on(error: Conflict, session_id: UUID | None) -> Conflict:
    if error.code != "conversation_ended":
        return error
    path = f"/api/v1/conversations/{session_id}/reopen/"
    return Conflict(
        gettext(
            "This session has ended. POST {path} opens it again; without session_id another one begins."
        ).format(path=path),
        code=error.code,
    )


def _begin(access: Access, data: dict[str, Any]) -> UUID:
    collections = [data["collection"]] if data["collection"] else []
    mode = Mode(data["mode"]) if "mode" in data else None
    try:
        return create_conversation(
            access=access,
            mode=mode,
            persona=data.get("persona"),
            collections=collections,
            origin=Origin.QUERY,
        ).id
    except InvalidInput as error:
        pointer = {one.pointer for one in error.errors} & {"/persona"} or {"/collection"}
        raise InvalidInput.at(pointer.pop(), error.detail, error.code) from error


def _require_session(access: Access, session_id: UUID) -> None:
    """An id in a body: an unknown and a foreign one are the same 400."""
    if not list_conversations(access).filter(id=session_id).exists():
        raise InvalidInput.at("/session_id", "There is no such session.", "unknown_id")


async def _answered(access: Access, asked: Asked) -> dict[str, Any]:
    """The message when it is done. Raises 401 or 403 when the authority goes while one waits."""
    return await while_allowed(access, _finished(access, asked))


async def _finished(access: Access, asked: Asked) -> dict[str, Any]:
    await runner.wait_until_over(access, asked.message_id)
    return await run_in_tenant(access.tenant_id, _read, access, asked.message_id)


def _read(access: Access, message_id: UUID) -> dict[str, Any]:
    return message_views(access, [access_message(access, message_id)])[0]


async def _frames(access: Access, message_id: UUID, offset: int) -> AsyncIterator[str]:
    async for event in runner.follow(access, message_id, offset):
        if isinstance(event, TextAdded):
            offset = event.offset + len(event.text)
        yield event_frame(event.payload(message_id), number=offset)


def _offset(request: HttpRequest) -> int:
    raw = request.headers.get("Last-Event-ID", request.GET.get("offset", "0"))
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):  # noqa: PLR2004
        raise InvalidInput.at("/offset", "The offset is a number of characters.", "invalid")
    return int(raw)
