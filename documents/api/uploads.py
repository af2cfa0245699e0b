"""Uploads, alike for programs and for the portal's forms."""

from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers

from documents.api.serializers.documents import DocumentErrorSerializer, MetadataField, TagsField
from documents.models import Status
from documents.selectors import default_collection, require_collections
from documents.services.files import IncomingFile
from documents.services.uploads import UploadOptions, UploadResult, receive_files
from tenants.access import Access
from tenants.api.serializers import StrictSerializer

REJECTED = "rejected"


class UploadInput(StrictSerializer):
    """A multipart form."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), allow_empty=False, min_length=1
    )
    collection = serializers.UUIDField(required=False, help_text="The default collection if left out.")
    chunk_size = serializers.IntegerField(
        required=False, help_text="Characters; as the collection says if left out."
    )
    chunk_overlap = serializers.IntegerField(required=False, help_text="Characters; likewise.")
    tags = TagsField(required=False, default=list)
    metadata = MetadataField(required=False, default=dict)


class UploadResultSerializer(serializers.Serializer[UploadResult]):
    id = serializers.UUIDField(source="document.id", default=None, allow_null=True)
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=[*Status.choices(), (REJECTED, REJECTED)])
    duplicate_of = serializers.UUIDField(required=False, help_text="The document that holds the same bytes.")
    error = DocumentErrorSerializer(required=False, help_text="Why the file was rejected.")

    def to_representation(self, instance: UploadResult) -> dict[str, Any]:
        if instance.error is not None:
            error = {"code": instance.error.code, "detail": instance.error.detail}
            return {"id": None, "name": instance.name, "status": REJECTED, "error": error}
        assert instance.document is not None
        shown: dict[str, Any] = {
            "id": str(instance.document.id),
            "name": instance.name,
            "status": instance.document.status,
        }
        if instance.is_duplicate:
            shown["duplicate_of"] = shown["id"]
        return shown


class UploadResultsSerializer(serializers.Serializer[Any]):
    results = UploadResultSerializer(many=True)


def receive_upload(access: Access, form: Any) -> dict[str, Any]:
    """Store the files of a form; the results in the order of the files. Raises what `receive_files` does."""
    read = UploadInput(data=form)
    read.is_valid(raise_exception=True)
    wanted = read.validated_data
    if "collection" in wanted:
        collection = require_collections(access, [wanted["collection"]], pointer="/collection")[0]
    else:
        collection = default_collection(access)
    options = UploadOptions(
        chunk_size=wanted.get("chunk_size"),
        chunk_overlap=wanted.get("chunk_overlap"),
        tags=wanted["tags"],
        metadata=wanted["metadata"],
    )
    files = [incoming(file) for file in wanted["files"]]
    results = receive_files(access=access, files=files, collection=collection, options=options)
    return UploadResultsSerializer({"results": results}).data


def incoming(file: "UploadedFile[Any]") -> IncomingFile:
    return IncomingFile(file.name or "", file.size or 0, cast("BinaryIO", file))
