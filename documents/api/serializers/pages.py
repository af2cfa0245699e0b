"""Pages and passages as programs see them."""

from typing import Any

from rest_framework import serializers

from tenants.api.serializers import ParametersSerializer


class PassageQuery(ParametersSerializer):
    """Which version's page, and which passage on it: code points [start, end) of the version's text."""

    version = serializers.IntegerField(required=False, min_value=1, help_text="The current one if left out.")
    start = serializers.IntegerField(required=False, min_value=0)
    end = serializers.IntegerField(required=False, min_value=0)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("start" in attrs) != ("end" in attrs):
            missing = "end" if "start" in attrs else "start"
            raise serializers.ValidationError({missing: ["Give both start and end, or neither."]}, "required")
        return attrs


class VersionQuery(ParametersSerializer):
    version = serializers.IntegerField(required=False, min_value=1, help_text="The current one if left out.")


class RectSerializer(serializers.Serializer[Any]):
    """Parts of the page's width and height, 0 to 1, from its top left corner."""

    x0 = serializers.FloatField()
    y0 = serializers.FloatField()
    x1 = serializers.FloatField()
    y1 = serializers.FloatField()


class PageSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Counts from 1.")
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="What the page is, where that is more than its number."
    )
    is_recognised = serializers.BooleanField(help_text="Whether its text was read from a picture.")
    text = serializers.CharField()
    start = serializers.IntegerField(help_text="Where the page begins: code points in the version's text.")
    end = serializers.IntegerField()
    width = serializers.FloatField(help_text="Points; 0 for formats whose pages are not shown as images.")
    height = serializers.FloatField()
    rects = RectSerializer(many=True, help_text="Where the passage stands, one rectangle a line.")
