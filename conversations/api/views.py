"""Conversations over REST."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import (
    ConversationChangeSerializer,
    ConversationSerializer,
    NewConversationSerializer,
)
from conversations.models import Conversation, Mode
from conversations.selectors import access_conversation, list_conversations
from conversations.services.conversations import (
    change_metadata,
    create_conversation,
    delete_conversation,
    end_conversation,
    rename_conversation,
    reopen_conversation,
)
from tenants.api.pages import Pages
from tenants.api.views import TenantView
from tenants.errors import InvalidInput
from tenants.permissions import Action


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
            OpenApiParameter("search", str, description="words of the title"),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=ConversationSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """One's own conversations, the latest first."""
        found = _filtered(list_conversations(self.access), request)
        pages = ConversationPages()
        page: Iterable[Conversation] = (
            pages.paginate_queryset(
                found.prefetch_related("chosen_collections", "chosen_documents"), request, view=self
            )
            or []
        )
        return pages.get_paginated_response([_present(one) for one in page])

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
            mode=Mode(data["mode"]),
            collections=data["collections"],
            documents=data["documents"],
            metadata=data["metadata"],
        )
        return Response(_present(conversation), status=201)


def _filtered(found: QuerySet[Conversation], request: Request) -> QuerySet[Conversation]:
    unknown = set(request.query_params) - {"status", "search", "cursor", "limit"}
    if unknown:
        raise ValidationError({name: ["This parameter is not known."] for name in sorted(unknown)})
    status = request.query_params.get("status")
    by_status: dict[str | None, dict[str, Any]] = {
        None: {},
        "active": {"ended_at": None},
        "ended": {"ended_at__isnull": False, "archived_at": None},
        "archived": {"archived_at__isnull": False},
    }
    if status not in by_status:
        raise InvalidInput.at("/status", "The status is active, ended or archived.", "invalid_choice")
    found = found.filter(**by_status[status])
    search = request.query_params.get("search", "").strip()
    if "\0" in search:
        raise InvalidInput.at("/search", "Null characters are not allowed.", "null_characters_not_allowed")
    return found.filter(title__icontains=search) if search else found


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
        """Rename, or replace the metadata."""
        found = access_conversation(self.access, conversation)
        data = _validated(ConversationChangeSerializer(data=request.data))
        if "title" in data:
            rename_conversation(access=self.access, conversation=found, title=data["title"])
        if "metadata" in data:
            change_metadata(access=self.access, conversation=found, metadata=data["metadata"])
        return Response(_present(found))

    @extend_schema(operation_id="conversations_delete", responses={204: None})
    def delete(self, request: Request, conversation: UUID) -> Response:
        delete_conversation(access=self.access, conversation=access_conversation(self.access, conversation))
        return Response(status=204)


class EndView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="conversations_end", request=None, responses=ConversationSerializer)
    def post(self, request: Request, conversation: UUID) -> Response:
        """No new messages from now on."""
        found = access_conversation(self.access, conversation)
        return Response(_present(end_conversation(access=self.access, conversation=found)))


class ReopenView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="conversations_reopen", request=None, responses=ConversationSerializer)
    def post(self, request: Request, conversation: UUID) -> Response:
        found = access_conversation(self.access, conversation)
        return Response(_present(reopen_conversation(access=self.access, conversation=found)))
