"""`/documents/{id}/chunks/`: how a document is cut, or would be."""

from itertools import islice
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from documents.api.serializers.documents import ChunkQuery, ChunkSerializer
from documents.chunking_preview import preview_passages
from documents.models import Document
from documents.selectors import access_document, list_chunks
from documents.services.sizes import chosen_sizes
from tenants.api.pages import NumberedPages
from tenants.api.views import TenantView
from tenants.errors import NotFound
from tenants.permissions import Action

_CURSOR_DIGITS = 9


class ChunksView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS}
    pagination_class = NumberedPages

    @extend_schema(operation_id="documents_chunks", parameters=[ChunkQuery], responses=ChunkSerializer(many=True))
    def get(self, request: Request, document_id: UUID) -> Response:
        """The passages that the document was cut into, in its order.

        With `chunk_size` or `chunk_overlap`: those that it would be cut into, of its first 100 pages. Nothing
        changes, and they have no ids.
        """
        query = ChunkQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        document = access_document(self.access, document_id)
        if not query.validated_data.keys() & {"chunk_size", "chunk_overlap"}:
            return self.paged(list_chunks(document), ChunkSerializer)
        return _previewed(request, document, query.validated_data)


def _previewed(request: Request, document: Document, query: dict[str, Any]) -> Response:
    """Pages like those of stored passages; a cursor is the number of a page's first passage."""
    sizes = chosen_sizes(document, size=query.get("chunk_size"), overlap=query.get("chunk_overlap"))
    first, limit = _first_number(query.get("cursor", "0")), query.get("limit", NumberedPages.page_size)
    found = list(islice(preview_passages(document, sizes), first, first + limit + 1))
    here = request.build_absolute_uri()
    return Response(
        {
            "next": replace_query_param(here, "cursor", first + limit) if len(found) > limit else None,
            "previous": replace_query_param(here, "cursor", max(0, first - limit)) if first else None,
            "results": ChunkSerializer(found[:limit], many=True).data,
        }
    )


def _first_number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= _CURSOR_DIGITS):
        raise NotFound("Invalid cursor")
    return int(cursor)
