"""Documents as programs send and see them."""

import math
import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from documents.failure_messages import told
from documents.models import Document, DocumentVersion, Processing, Status
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer

MAX_TITLE = 255
MAX_TAGS, MAX_TAG = 50, 60
_MAX_DEPTH = 32
# What PostgreSQL keeps in no text: NUL and half surrogates.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class TagsField(serializers.ListField):
    """A list of tags. In a form also as one field that holds a JSON list."""

    child = serializers.CharField(max_length=MAX_TAG)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TAGS, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and len(data) == 1 and str(data[0]).startswith("["):
            try:
                data = serializers.JSONField(binary=True).to_internal_value(data[0])
            except RecursionError:
                self.fail("not_a_list", input_type="str")
        tags: list[str] = super().to_internal_value(data)
        return list(dict.fromkeys(tags))


@extend_schema_field({"type": "object", "additionalProperties": {}})
class MetadataField(serializers.JSONField):
    """A JSON object of the sender's own. In a form: its text."""

    default_error_messages = {
        "not_object": "Metadata must be a JSON object.",
        "too_large": "Metadata may have at most 16,000 characters.",
        "unstorable": "Metadata may be nested 32 deep, without infinite numbers, NUL and half surrogates.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            value = super().to_internal_value(data)
        except RecursionError:
            self.fail("unstorable")
        if not isinstance(value, dict):
            self.fail("not_object")
        if not _is_storable(value):
            self.fail("unstorable")
        if len(str(value)) > 16_000:  # noqa: PLR2004 - as the message says
            self.fail("too_large")
        return value


def _is_storable(value: Any, depth: int = 0) -> bool:
    """Whether PostgreSQL keeps it and every answer can show it again."""
    match value:
        case str():
            return not _UNSTORABLE.search(value)
        case float():
            return math.isfinite(value)
        case dict():
            parts = [*value, *value.values()]
        case list():
            parts = value
        case _:
            return True
    return depth < _MAX_DEPTH and all(_is_storable(part, depth + 1) for part in parts)


class DocumentErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


@extend_schema_field(DocumentErrorSerializer(allow_null=True))
class ProcessingErrorField(serializers.ReadOnlyField):
    """Why processing came to nothing, or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", **kwargs)

    def to_representation(self, value: Processing) -> dict[str, str] | None:
        return {"code": value.error_code, "detail": told(value.error_detail)} if value.error_code else None


class DocumentSerializer(serializers.Serializer[Document]):
    id = serializers.UUIDField()
    name = serializers.CharField(help_text="The file's name; stays.")
    title = serializers.CharField()
    collection = serializers.UUIDField(source="collection_id")
    status = serializers.ChoiceField(choices=Status.choices())
    progress = serializers.FloatField(min_value=0, max_value=1)
    error = ProcessingErrorField()
    attempts = serializers.IntegerField()
    eta_seconds = serializers.FloatField(allow_null=True, help_text="Until it is ready, as far as can be told.")
    pages = serializers.IntegerField(source="page_count")
    chunks = serializers.IntegerField(source="chunk_count")
    size = serializers.IntegerField(help_text="Bytes.")
    media_type = serializers.CharField()
    version = serializers.IntegerField(source="current_version", help_text="The one that is searched.")
    pending_version = serializers.IntegerField(allow_null=True, help_text="A replacement that is processed.")
    language = serializers.CharField(help_text="ISO 639-1, as the text reads; empty where it cannot be told.")
    dated_at = serializers.DateTimeField(allow_null=True, help_text="The date that the file itself gives.")
    tags = serializers.ListField(child=serializers.CharField())
    metadata = MetadataField()
    timings = serializers.DictField(child=serializers.FloatField(), help_text="Seconds by stage.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DocumentInput(StrictSerializer):
    """What may be changed; what is left out stays."""

    title = serializers.CharField(max_length=MAX_TITLE, required=False)
    tags = TagsField(required=False)
    metadata = MetadataField(required=False)
    collection = serializers.UUIDField(required=False)


class DocumentQuery(PageQuery):
    collection = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(choices=Status.choices(), required=False)
    tag = serializers.CharField(required=False)
    language = serializers.CharField(required=False, max_length=3, help_text="ISO 639-1.")
    after = serializers.DateTimeField(required=False, help_text="Only documents uploaded later than this.")


class ChunkQuery(PageQuery):
    chunk_size = serializers.IntegerField(required=False, help_text="How it would be cut: characters.")
    chunk_overlap = serializers.IntegerField(required=False, help_text="Likewise.")


class ChunkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(default=None, allow_null=True, help_text="Null in a preview.")
    number = serializers.IntegerField()
    page = serializers.IntegerField(help_text="Counts from 1.")
    start = serializers.IntegerField(help_text="Code points in the version's text.")
    end = serializers.IntegerField()
    heading = serializers.CharField(help_text="The headings over it, from the highest.")
    text = serializers.CharField(help_text="What stands there, but for personal data that is masked.")


class VersionSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    name = serializers.CharField(help_text="The file's name.")
    is_current = serializers.SerializerMethodField(help_text="Whether it is the one that is searched.")
    status = serializers.ChoiceField(choices=Status.choices())
    progress = serializers.FloatField(min_value=0, max_value=1)
    error = ProcessingErrorField()
    pages = serializers.IntegerField(source="page_count")
    chunks = serializers.IntegerField(source="chunk_count")
    properties = serializers.DictField(child=serializers.CharField(), help_text="What the file says of itself.")
    masked = serializers.DictField(child=serializers.IntegerField(), help_text="Personal data hidden, by kind.")
    timings = serializers.DictField(child=serializers.FloatField(), help_text="Seconds by stage.")
    sha256 = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    media_type = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_is_current(self, version: DocumentVersion) -> bool:
        is_current: bool = version.number == version.document.current_version
        return is_current


class NewFileInput(StrictSerializer):
    """A multipart form with one file, called `file`, or `files` as uploads call theirs."""

    file = serializers.FileField(required=False, allow_empty_file=True)
    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), required=False, min_length=1, max_length=1
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"file": ["Send one file."]}, "required")
        return {"file": attrs.get("file") or attrs["files"][0]}


class NoInput(StrictSerializer):
    """A body without fields."""
