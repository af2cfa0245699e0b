"""What is in a document: its file, versions, passages and pages; and how processing it goes on."""

from dataclasses import asdict
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers

from documents.api.serializers.pages import PageSerializer, PassageQuery, VersionQuery
from documents.pages import open_page, read_page
from documents.responses import events_response, image_response, original_response
from tenants.access import Access
from tenants.api.asynchronous import json_response
from tenants.api.streams import LAST_EVENT, events
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.permissions import Action


class FileView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}

    @extend_schema(
        operation_id="documents_file",
        parameters=[VersionQuery],
        responses={(200, "*/*"): OpenApiTypes.BINARY},
    )
    async def get(self, request: HttpRequest, access: Access, document_id: UUID) -> HttpResponseBase:
        """The file as it was uploaded."""
        query = VersionQuery(data=request.GET)
        query.is_valid(raise_exception=True)
        return await original_response(request, access, document_id, **query.validated_data)


class PageTextView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}

    @extend_schema(operation_id="documents_page", parameters=[PassageQuery], responses=PageSerializer)
    async def get(self, request: HttpRequest, access: Access, document_id: UUID, number: int) -> HttpResponseBase:
        """A page's text, and where a passage stands on it."""
        query = PassageQuery(data=request.GET)
        query.is_valid(raise_exception=True)
        page, rects = await open_page(access, document_id, number, **query.validated_data)
        shown = {
            "number": page.number,
            "label": page.label,
            "is_recognised": page.is_recognised,
            "text": page.text,
            "start": page.start,
            "end": page.end,
            "width": page.width,
            "height": page.height,
            "rects": [asdict(rect) for rect in rects],
        }
        return json_response(shown)


class PageImageView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}

    @extend_schema(
        operation_id="documents_page_image",
        parameters=[VersionQuery],
        responses={
            (200, "image/png"): OpenApiTypes.BINARY,
            404: OpenApiResponse(description="`no_page_image`: pages of this format are not images."),
        },
    )
    async def get(self, request: HttpRequest, access: Access, document_id: UUID, number: int) -> HttpResponseBase:
        """The page as a PNG."""
        query = VersionQuery(data=request.GET)
        query.is_valid(raise_exception=True)
        page = await run_in_tenant(
            access.tenant_id, read_page, access, document_id, number, **query.validated_data
        )
        return await image_response(request, access, page)


class EventsView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}

    @extend_schema(
        operation_id="documents_events",
        parameters=[LAST_EVENT],
        responses={
            (200, "text/event-stream"): events(
                "The document's state now and whenever it changes, until processing is over.",
                document={
                    "document": "uuid",
                    "status": "string",
                    "progress": "number",
                    "pages": "integer",
                    "chunks": "integer",
                    "error": "object?",
                },
            )
        },
    )
    async def get(self, request: HttpRequest, access: Access, document_id: UUID) -> HttpResponseBase:
        """The document's state now and whenever it changes, until processing is over."""
        header = serializers.IntegerField(min_value=0, max_value=999_999_999)
        last_id = header.run_validation(request.headers.get("Last-Event-ID", 0))
        return await events_response(access, document_id, last_id=last_id)
