"""Searches as programs send and see them."""

from typing import Any

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext
from rest_framework import serializers

from documents.api.serializers.documents import MAX_TAG, MAX_TAGS
from retrieval.types import Hit, Mode
from tenants.api.serializers import StrictSerializer
from tenants.errors import TooLarge

MAX_HITS = 50
MODES = [(mode.value, mode.value) for mode in Mode]


class SearchInput(StrictSerializer):
    query = serializers.CharField()
    top_k = serializers.IntegerField(min_value=1, max_value=MAX_HITS, default=10)
    collections = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="Only in these.")
    documents = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="Only in these.")
    tags = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG),
        required=False,
        max_length=MAX_TAGS,
        help_text="Only documents with one of these.",
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=3),
        required=False,
        max_length=MAX_TAGS,
        help_text="ISO 639-1. Only documents in these.",
    )
    after = serializers.DateTimeField(
        required=False,
        help_text="Only documents dated then or later: by their file, else by when they were added.",
    )
    before = serializers.DateTimeField(required=False, help_text="Only documents dated earlier than this.")
    mode = serializers.ChoiceField(choices=MODES, default=Mode.HYBRID)

    def validate_languages(self, value: list[str]) -> list[str]:
        return [code.lower() for code in value]

    def validate_query(self, value: str) -> str:
        if len(value.encode()) > settings.DOCENT_MAX_QUESTION_BYTES:
            raise TooLarge(
                gettext("A question has at most {limit} bytes.").format(
                    limit=number_format(settings.DOCENT_MAX_QUESTION_BYTES, force_grouping=True)
                ),
                code="question_too_large",
            )
        return value


class HitSerializer(serializers.Serializer[Hit]):
    document = serializers.UUIDField()
    name = serializers.CharField(help_text="The file's name.")
    title = serializers.CharField()
    version = serializers.IntegerField()
    page = serializers.IntegerField(help_text="Counts from 1.")
    text = serializers.CharField()
    score = serializers.FloatField(help_text="Compares the hits of one search only.")
    start = serializers.IntegerField(help_text="Code points in the version's text.")
    end = serializers.IntegerField()


class SearchResultsSerializer(serializers.Serializer[Any]):
    results = HitSerializer(many=True)
