"""A conversation as a file, for programs and for the portal."""

from uuid import UUID

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.models import Conversation
from conversations.selectors.consistent_reads import read_steadily
from conversations.selectors.conversations import access_conversation
from conversations.transcripts import Format, transcript_of
from conversations.transcripts.html import content_policy
from tenants.access import Access
from tenants.api.serializers import ParametersSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class TranscriptQuery(ParametersSerializer):
    format = serializers.ChoiceField(
        choices=[(one.value, one.value) for one in Format], required=False, default=Format.JSON.value
    )
    leaf = serializers.UUIDField(required=False, allow_null=True, default=None)


def export_response(access: Access, conversation_id: UUID, sent: object) -> HttpResponse:
    """A conversation of one's own as a file."""
    return read_steadily(
        lambda: access_conversation(access, conversation_id),
        lambda found: transcript_response(access, found, sent),
    )


def transcript_response(access: Access, conversation: Conversation, sent: object) -> HttpResponse:
    """The file that the query asks for, never shown by the browser itself and never kept by it."""
    query = TranscriptQuery(data=sent)
    query.is_valid(raise_exception=True)
    wanted = Format(query.validated_data["format"])
    made = transcript_of(access, conversation, wanted, query.validated_data["leaf"])
    policy = f"sandbox; {content_policy()}" if wanted is Format.HTML else "sandbox"
    return HttpResponse(
        made.content,
        content_type=made.media_type,
        headers={
            "Content-Disposition": content_disposition_header(True, made.name) or "attachment",  # noqa: FBT003
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


class ExportView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(
        operation_id="conversations_export",
        parameters=[TranscriptQuery],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "text/html"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, conversation: UUID) -> Response | HttpResponse:
        """The conversation as a file: all of it as JSON, or one branch as Markdown or as HTML to print."""
        return export_response(self.access, conversation, request.query_params)
