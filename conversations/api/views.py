"""Conversations over REST."""

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.answering.evidence import vector_of
from conversations.api.finding import Sought, found_page, searched_for
from conversations.api.serializers import (
    ConversationChangeSerializer,
    ConversationSerializer,
    FoundConversationSerializer,
    NewConversationSerializer,
)
from conversations.models import Conversation, MemoryKind, Mode
from conversations.selectors.conversations import (
    access_conversation,
    list_conversations,
    told_collections,
    told_documents,
    with_chosen,
)
from conversations.services.archives import archive_conversation, reopen_conversation
from conversations.services.conversations import (
    change_memory,
    change_metadata,
    choose_scope,
    create_conversation,
    end_conversation,
    rename_conversation,
)
from conversations.services.deleting import delete_conversation, restore_conversation
from conversations.services.personas import change_mode, choose_persona
from conversations.services.pinning import pin_conversation
from conversations.services.turns import choose_branch
from tenants.access import Access
from tenants.api.asynchronous import json_response
from tenants.api.pages import PageQuery, Pages
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput
from tenants.permissions import Action

_PAGE = {"limit", "cursor"}


class ConversationPages(Pages):
    ordering = ("-updated_at", "-id")


def _present(conversation: Conversation) -> dict[str, Any]:
    data: dict[str, Any] = ConversationSerializer(conversation).data
    return data


def _validated(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


class ConversationsView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.CHAT}

    @extend_schema(
        operation_id="conversations_list",
        parameters=[
            OpenApiParameter("status", str, enum=["active", "ended", "archived"]),
            OpenApiParameter("pinned", bool),
            OpenApiParameter("search", str, description="what is looked for in titles and messages"),
            PageQuery,
        ],
        responses=FoundConversationSerializer(many=True),
    )
    async def get(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """One's own conversations, the latest first; with `search` those that fit, the best first, and `hit`."""
        search = searched_for(request)
        if not search:
            return json_response(await run_in_tenant(access.tenant_id, _listed, request, access))
        limit = _page_query(request).get("limit", Pages.page_size)
        sought = Sought(search, await vector_of(access, search), limit)
        return json_response(await run_in_tenant(access.tenant_id, _found, request, access, sought))

    @extend_schema(
        operation_id="conversations_create",
        request=NewConversationSerializer,
        responses={201: ConversationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Begin a conversation; without collections and documents it asks all that one may see."""
        data = _validated(NewConversationSerializer(data=request.data))
        conversation = create_conversation(
            access=self.access,
            title=data["title"],
            mode=Mode(data["mode"]) if "mode" in data else None,
            persona=data.get("persona"),
            collections=data["collections"],
            documents=data["documents"],
            metadata=data["metadata"],
            memory=MemoryKind(data["memory"]),
            memory_turns=data["memory_turns"],
            is_temporary=data["temporary"],
        )
        return Response(_present(conversation), status=201)


def _page_query(request: HttpRequest) -> dict[str, Any]:
    return _validated(PageQuery(data={name: request.GET[name] for name in _PAGE & request.GET.keys()}))


def _listed(request: HttpRequest, access: Access) -> Any:
    _page_query(request)
    found = _filtered(list_conversations(access), request)
    pages = ConversationPages()
    page = pages.paginate_queryset(with_chosen(found), Request(request)) or []
    # One serializer for all: making one takes longer than what it does with a conversation.
    return pages.get_paginated_response(ConversationSerializer(cast("Any", page), many=True).data).data


def _found(request: HttpRequest, access: Access, sought: Sought) -> dict[str, Any]:
    return found_page(request, access, _filtered(list_conversations(access), request), sought)


def _filtered(found: QuerySet[Conversation], request: HttpRequest) -> QuerySet[Conversation]:
    unknown = set(request.GET) - {"status", "pinned", "search", *_PAGE}
    if unknown:
        raise ValidationError({name: ["This parameter is not known."] for name in sorted(unknown)})
    status = request.GET.get("status")
    by_status: dict[str | None, dict[str, Any]] = {
        None: {},
        "active": {"ended_at": None},
        "ended": {"ended_at__isnull": False, "archived_at": None},
        "archived": {"archived_at__isnull": False},
    }
    if status not in by_status:
        raise InvalidInput.at("/status", "The status is active, ended or archived.", "invalid_choice")
    found = found.filter(**by_status[status])
    pinned = request.GET.get("pinned")
    if pinned not in {None, "true", "false"}:
        raise InvalidInput.at("/pinned", "It is true or false.", "invalid_choice")
    return found if pinned is None else found.filter(pinned_at__isnull=pinned == "false")


class ConversationView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "PATCH": Action.CHAT, "DELETE": Action.CHAT}

    @extend_schema(operation_id="conversations_read", responses=ConversationSerializer)
    def get(self, request: Request, conversation: UUID) -> Response:
        return Response(_present(access_conversation(self.access, conversation)))

    @extend_schema(
        operation_id="conversations_change",
        request=ConversationChangeSerializer,
        responses=ConversationSerializer,
    )
    def patch(self, request: Request, conversation: UUID) -> Response:
        """Rename, pin, choose persona, mode, scope or memory, replace the metadata, or go to another branch."""
        found = access_conversation(self.access, conversation)
        data = _validated(ConversationChangeSerializer(data=request.data))
        if "title" in data:
            rename_conversation(access=self.access, conversation=found, title=data["title"])
        mode = Mode(data["mode"]) if "mode" in data else None
        if "persona" in data:
            choose_persona(access=self.access, conversation=found, persona=data["persona"], mode=mode)
        elif mode is not None:
            change_mode(access=self.access, conversation=found, mode=mode)
        if data.keys() & {"collections", "documents"}:
            choose_scope(
                access=self.access,
                conversation=found,
                collections=data.get("collections", told_collections(found)),
                documents=data.get("documents", told_documents(found)),
            )
        if "pinned" in data:
            pin_conversation(access=self.access, conversation=found, is_pinned=data["pinned"])
        if "metadata" in data:
            change_metadata(access=self.access, conversation=found, metadata=data["metadata"])
        if "leaf" in data:
            choose_branch(access=self.access, conversation=found, message_id=data["leaf"])
        if data.keys() & {"memory", "memory_turns"}:
            kind, turns = data.get("memory", found.memory), data.get("memory_turns", found.memory_turns)
            change_memory(access=self.access, conversation=found, kind=MemoryKind(kind), turns=turns)
        return Response(_present(found))

    @extend_schema(operation_id="conversations_delete", responses={204: None})
    def delete(self, request: Request, conversation: UUID) -> Response:
        """It is nowhere from now on, and goes for good within two minutes; until then `restore` brings it back.

        A temporary one is gone at once.
        """
        delete_conversation(access=self.access, conversation=access_conversation(self.access, conversation))
        return Response(status=204)


class RestoreView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="conversations_restore", request=None, responses=ConversationSerializer)
    def post(self, request: Request, conversation: UUID) -> Response:
        """Bring back what was deleted a moment ago, as it was; what was not deleted stays as it is. Later: 404."""
        return Response(_present(restore_conversation(access=self.access, conversation_id=conversation)))


class EndView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="conversations_end", request=None, responses=ConversationSerializer)
    def post(self, request: Request, conversation: UUID) -> Response:
        """No new messages from now on."""
        found = access_conversation(self.access, conversation)
        return Response(_present(end_conversation(access=self.access, conversation=found)))


class ArchiveConversationView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="conversations_archive", request=None, responses=ConversationSerializer)
    def post(self, request: Request, conversation: UUID) -> Response:
        """End it and move its messages into a file; `reopen` brings them back.

        While an answer is being written, or others may read it: 409.
        """
        found = access_conversation(self.access, conversation)
        return Response(_present(archive_conversation(access=self.access, conversation=found)))


class ReopenView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="conversations_reopen", request=None, responses=ConversationSerializer)
    def post(self, request: Request, conversation: UUID) -> Response:
        """It takes messages again; an archived one is as it was before, with all its messages."""
        found = access_conversation(self.access, conversation)
        return Response(_present(reopen_conversation(access=self.access, conversation=found)))
