"""`/conversations/{id}/attachments/`: files that one conversation alone is asked of."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.models import Conversation
from conversations.selectors.conversations import access_conversation, list_attachments
from conversations.services.attachments import attach_files, remove_attachment
from documents.api.serializers.documents import DocumentSerializer
from documents.api.uploads import UploadResultsSerializer, incoming
from tenants.access import Access
from tenants.api.pages import NewestFirst, PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class AttachmentInput(StrictSerializer):
    """A multipart form."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), allow_empty=False, min_length=1
    )


def receive_attachments(access: Access, conversation: Conversation, form: Any) -> dict[str, Any]:
    """Attach the files of a form; the results in the order of the files. Raises what `attach_files` does."""
    read = AttachmentInput(data=form)
    read.is_valid(raise_exception=True)
    files = [incoming(file) for file in read.validated_data["files"]]
    results = attach_files(access=access, conversation=conversation, files=files)
    return UploadResultsSerializer({"results": results}).data


class AttachmentsView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.ATTACH_FILES}
    parser_classes = [MultiPartParser]
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="attachments_list", parameters=[PageQuery], responses=DocumentSerializer(many=True)
    )
    def get(self, request: Request, conversation: UUID) -> Response:
        """The files attached to the conversation, newest first, with how far each is read."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        found = access_conversation(self.access, conversation)
        return self.paged(list_attachments(self.access, found), DocumentSerializer)

    @extend_schema(
        operation_id="attachments_upload",
        request={"multipart/form-data": AttachmentInput},
        responses={202: UploadResultsSerializer},
    )
    def post(self, request: Request, conversation: UUID) -> Response:
        """Attach files. Only this conversation is asked of them, and only you read them; they go with it."""
        found = access_conversation(self.access, conversation)
        received = receive_attachments(self.access, found, request.data)
        return Response(received, status=status.HTTP_202_ACCEPTED)


class AttachmentView(TenantView):
    actions_by_method = {"DELETE": Action.ATTACH_FILES}

    @extend_schema(operation_id="attachments_delete", responses={204: None})
    def delete(self, request: Request, conversation: UUID, attachment: UUID) -> Response:
        """Take a file away from the conversation, with all that was made of it."""
        found = access_conversation(self.access, conversation)
        remove_attachment(access=self.access, conversation=found, document_id=attachment)
        return Response(status=status.HTTP_204_NO_CONTENT)
