"""`/shares/`: conversations that others of the organisation may read."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import (
    CitationSerializer,
    ConversationSerializer,
    SourceSerializer,
)
from conversations.models import Conversation, Message, Role, Share, Status
from conversations.selectors.conversations import list_conversations
from conversations.selectors.shares import (
    access_share,
    list_shared_messages,
    list_shares,
    list_shares_with,
    share_views,
    shared_message_views,
)
from conversations.services.copies import copy_share
from conversations.services.shares import create_share, end_share, note_opened
from tenants.access import Access
from tenants.addresses.links import absolute, tenant_url
from tenants.api.pages import NewestFirst, PageQuery, Pages
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.errors import InvalidInput
from tenants.permissions import Action


class AuthorSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ShareSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    author = AuthorSerializer()
    conversation = serializers.UUIDField(allow_null=True, help_text="of one's own shares")
    people = serializers.ListField(child=serializers.UUIDField(), help_text="of one's own shares")
    groups = serializers.ListField(child=serializers.UUIDField(), help_text="of one's own shares")
    link = serializers.BooleanField(help_text="everybody of the organisation who has the address may read it")
    follows = serializers.BooleanField(help_text="it shows what is said later, too")
    url = serializers.URLField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class SharedMessageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices())
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    content = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices())
    finish_reason = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    citations = CitationSerializer(many=True)
    sources = SourceSerializer(many=True)
    is_withheld = serializers.BooleanField(
        help_text="The answer rests on documents that one does not see, and is not shown."
    )
    created_at = serializers.DateTimeField()


class CopySerializer(ConversationSerializer):
    left_out = serializers.IntegerField(help_text="Answers that one may not read, or that were never finished.")


class NewShareSerializer(StrictSerializer):
    conversation = serializers.UUIDField()
    people = serializers.ListField(child=serializers.UUIDField(), required=False, default=list)
    groups = serializers.ListField(child=serializers.UUIDField(), required=False, default=list)
    link = serializers.BooleanField(required=False, default=False)
    follows = serializers.BooleanField(required=False, default=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SharesQuery(PageQuery):
    of = serializers.ChoiceField(choices=[("me", "me"), ("others", "others")], required=False, default="me")
    conversation = serializers.UUIDField(required=False)


def _present(access: Access, shares: Iterable[Share]) -> list[dict[str, Any]]:
    return [
        dict(
            ShareSerializer(
                {
                    "id": one.id,
                    "title": one.title,
                    "author": {"id": one.author_id, "name": one.author},
                    "conversation": one.conversation,
                    "people": one.people,
                    "groups": one.groups,
                    "link": one.is_by_link,
                    "follows": one.is_living,
                    "url": absolute(tenant_url(access.tenant_slug, "share", one.id)),
                    "created_at": one.created_at,
                    "expires_at": one.expires_at,
                }
            ).data
        )
        for one in share_views(access, list(shares))
    ]


def _own(access: Access, conversation_id: UUID) -> Conversation:
    """An id in a body or a query: an unknown and a foreign one are the same 400."""
    found = list_conversations(access).filter(id=conversation_id).first()
    if found is None:
        raise InvalidInput.at("/conversation", "There is no such conversation of yours.", "unknown_id")
    return found


class SharesView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.SHARE}

    @extend_schema(operation_id="shares_list", parameters=[SharesQuery], responses=ShareSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What one shares, of one conversation or all; with `of=others` what is shared with one, links
        that one has opened among it. Latest first.
        """
        query = SharesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        found = list_shares(self.access) if wanted["of"] == "me" else list_shares_with(self.access)
        if "conversation" in wanted:
            found = found.filter(conversation=_own(self.access, wanted["conversation"]))
        pages = NewestFirst()
        page: Iterable[Share] = (
            pages.paginate_queryset(found.select_related("conversation"), request, view=self) or []
        )
        return pages.get_paginated_response(_present(self.access, page))

    @extend_schema(operation_id="shares_create", request=NewShareSerializer, responses={201: ShareSerializer})
    def post(self, request: Request) -> Response:
        """Let people, groups, or everybody who has the link, read a conversation of one's own as it stands now.

        With `follows` they read what is said later, too. They see no document that they would not see otherwise.
        """
        body = NewShareSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        share = create_share(
            access=self.access,
            conversation=_own(self.access, data["conversation"]),
            people=data["people"],
            groups=data["groups"],
            is_by_link=data["link"],
            is_living=data["follows"],
            expires_at=data["expires_at"],
        )
        return Response(_present(self.access, [share])[0], status=201)


class ShareView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "DELETE": Action.CHAT}

    @extend_schema(operation_id="shares_read", responses=ShareSerializer)
    def get(self, request: Request, share: UUID) -> Response:
        """One's own, or what others share with one; of theirs it is recorded."""
        found = access_share(self.access, share)
        note_opened(access=self.access, share=found)
        return Response(_present(self.access, [found])[0])

    @extend_schema(operation_id="shares_revoke", responses={204: None})
    def delete(self, request: Request, share: UUID) -> Response:
        """End it at once; what somebody has copied meanwhile is theirs.

        Of another's, a link that one has opened goes off one's list.
        """
        end_share(access=self.access, share=access_share(self.access, share))
        return Response(status=204)


class SharedMessagesView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(
        operation_id="shares_messages",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses=SharedMessageSerializer(many=True),
    )
    def get(self, request: Request, share: UUID) -> Response:
        """Questions and answers, oldest first. An answer that rests on documents out of sight is not shown."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        found = access_share(self.access, share)
        note_opened(access=self.access, share=found)
        pages = Pages()
        page: Iterable[Message] = pages.paginate_queryset(list_shared_messages(found), request, view=self) or []
        return pages.get_paginated_response(shared_message_views(self.access, found, page))


class ShareCopyView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="shares_copy", request=None, responses={201: CopySerializer})
    def post(self, request: Request, share: UUID) -> Response:
        """Go on with it as a conversation of one's own: of the answers those that one may read."""
        copy, left_out = copy_share(access=self.access, share=access_share(self.access, share))
        return Response({**ConversationSerializer(copy).data, "left_out": left_out}, status=201)
