"""The files that a document has had."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from documents.api.serializers.documents import DocumentSerializer, NewFileInput, NoInput, VersionSerializer
from documents.api.uploads import incoming
from documents.selectors import access_document, access_version, list_versions
from documents.services.versions import replace_file, restore_version
from tenants.api.pages import NumberedPages, PageQuery
from tenants.api.views import TenantView
from tenants.permissions import Action


class VersionsView(TenantView):
    actions_by_method = {"GET": Action.READ_DOCUMENTS, "POST": Action.WRITE_DOCUMENTS}
    parser_classes = [MultiPartParser]
    pagination_class = NumberedPages

    @extend_schema(
        operation_id="documents_versions", parameters=[PageQuery], responses=VersionSerializer(many=True)
    )
    def get(self, request: Request, document_id: UUID) -> Response:
        """The files that the document has had, the first one first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_versions(access_document(self.access, document_id)), VersionSerializer)

    @extend_schema(
        operation_id="documents_replace",
        request={"multipart/form-data": NewFileInput},
        responses={202: VersionSerializer},
    )
    def post(self, request: Request, document_id: UUID) -> Response:
        """Replace the document's file. Questions find the old one until the new one is ready."""
        document = access_document(self.access, document_id)
        body = NewFileInput(data=request.data)
        body.is_valid(raise_exception=True)
        file = incoming(body.validated_data["file"])
        version = replace_file(access=self.access, document=document, file=file)
        return Response(VersionSerializer(version).data, status=status.HTTP_202_ACCEPTED)


class RestoreView(TenantView):
    actions_by_method = {"POST": Action.WRITE_DOCUMENTS}
    parser_classes = [JSONParser]

    @extend_schema(operation_id="documents_restore", request=NoInput, responses=DocumentSerializer)
    def post(self, request: Request, document_id: UUID, number: int) -> Response:
        """Let questions find an earlier version again."""
        version = access_version(self.access, document_id, number)
        NoInput(data=request.data).is_valid(raise_exception=True)
        document = restore_version(access=self.access, document=version.document, version=version)
        return Response(DocumentSerializer(document).data)
