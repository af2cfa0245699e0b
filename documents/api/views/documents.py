"""`/documents/`: list, upload, one document, processing it again and stopping that."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from documents.api.serializers.documents import DocumentInput, DocumentQuery, DocumentSerializer, NoInput
from documents.api.uploads import UploadInput, UploadResultsSerializer, receive_upload
from documents.models import Document
from documents.selectors import access_document, list_documents, require_collections
from documents.services.documents import (
    cancel_document,
    delete_document,
    reprocess_document,
    update_document,
)
from tenants.access import Access
from tenants.api.pages import NewestFirst
from tenants.api.serializers import StrictJSONParser
from tenants.api.views import TenantView
from tenants.permissions import Action


class DocumentsView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS, "POST": Action.WRITE_DOCUMENTS}
    parser_classes = [MultiPartParser]
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="documents_list",
        parameters=[DocumentQuery],
        responses=DocumentSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The documents that you can see, newest first."""
        query = DocumentQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return self.paged(_filtered(self.access, query.validated_data), DocumentSerializer)

    @extend_schema(
        operation_id="documents_upload",
        request={"multipart/form-data": UploadInput},
        responses={202: UploadResultsSerializer},
        examples=[
            OpenApiExample(
                "One accepted, one refused",
                response_only=True,
                status_codes=["202"],
                value={
                    "results": [
                        {
                            "id": "6f8a4ad8-5f6c-4b8f-9a35-0c7d0f4b6f57",
                            "name": "report.pdf",
                            "status": "queued",
                        },
                        {
                            "id": None,
                            "name": "empty.txt",
                            "status": "rejected",
                            "error": {"code": "empty_file", "detail": "“empty.txt” is empty."},
                        },
                    ]
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Upload files. They are processed in the background: follow each one's `events/`."""
        return Response(receive_upload(self.access, request.data), status=status.HTTP_202_ACCEPTED)


class DocumentView(TenantView):
    actions_by_method = {
        "GET": Action.READ_DOCUMENTS,
        "PATCH": Action.WRITE_DOCUMENTS,
        "DELETE": Action.WRITE_DOCUMENTS,
    }
    parser_classes = [StrictJSONParser]

    @extend_schema(operation_id="documents_read", responses=DocumentSerializer)
    def get(self, request: Request, document_id: UUID) -> Response:
        """One document."""
        return Response(DocumentSerializer(access_document(self.access, document_id)).data)

    @extend_schema(operation_id="documents_change", request=DocumentInput, responses=DocumentSerializer)
    def patch(self, request: Request, document_id: UUID) -> Response:
        """Change title, tags or metadata, or move the document to another collection."""
        document = access_document(self.access, document_id)
        body = DocumentInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(body.validated_data)
        if "collection" in wanted:
            wanted["collection"] = require_collections(self.access, [wanted["collection"]], pointer="/collection")[
                0
            ]
        changed = update_document(access=self.access, document=document, **wanted)
        return Response(DocumentSerializer(changed).data)

    @extend_schema(operation_id="documents_delete", responses={204: None})
    def delete(self, request: Request, document_id: UUID) -> Response:
        """Delete a document with its pages, passages, vectors and files."""
        delete_document(access=self.access, document=access_document(self.access, document_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReprocessView(TenantView):
    actions_by_method = {"POST": Action.WRITE_DOCUMENTS}

    @extend_schema(operation_id="documents_reprocess", request=NoInput, responses={202: DocumentSerializer})
    def post(self, request: Request, document_id: UUID) -> Response:
        """Process the document anew."""
        document = access_document(self.access, document_id)
        NoInput(data=request.data).is_valid(raise_exception=True)
        queued = reprocess_document(access=self.access, document=document)
        return Response(DocumentSerializer(queued).data, status=status.HTTP_202_ACCEPTED)


class CancelView(TenantView):
    actions_by_method = {"POST": Action.WRITE_DOCUMENTS}

    @extend_schema(operation_id="documents_cancel", request=NoInput, responses=DocumentSerializer)
    def post(self, request: Request, document_id: UUID) -> Response:
        """Stop processing. What was indexed so far goes, the file stays."""
        document = access_document(self.access, document_id)
        NoInput(data=request.data).is_valid(raise_exception=True)
        return Response(DocumentSerializer(cancel_document(access=self.access, document=document)).data)


def _filtered(access: Access, query: dict[str, Any]) -> QuerySet[Document]:
    found = list_documents(access)
    if "collection" in query:
        collections = require_collections(access, [query["collection"]], pointer="/collection")
        found = found.filter(collection=collections[0])
    if "status" in query:
        found = found.filter(status=query["status"])
    if "tag" in query:
        found = found.filter(tags__contains=[query["tag"]])
    if "language" in query:
        found = found.filter(language=query["language"])
    if "after" in query:
        found = found.filter(created_at__gt=query["after"])
    return found
