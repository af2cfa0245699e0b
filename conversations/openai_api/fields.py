"""What a request to OpenAI's API may say.

What has no effect here and harms nobody is taken, for clients send it unasked; what would be missed is refused by
its name, never ignored.
"""

from typing import Any

from rest_framework import serializers

from tenants.api.serializers import StrictSerializer
from tenants.errors import InvalidInput

_LONGEST_MODEL, _LONGEST_NOTE = 200, 512
_MOST_MESSAGES, _MOST_INPUTS = 2048, 2048
_MOST_STOPS, _LONGEST_STOP = 4, 200
_MOST_TOKENS, _MOST_SEED = 10_000_000, 2**63 - 1
DIMENSIONS = 384


def optional(field: type[serializers.Field[Any, Any, Any, Any]], **options: Any) -> Any:
    """A field that may be left out or null, which is the same."""
    return field(required=False, allow_null=True, **options)


class Only(serializers.Field[Any, Any, Any, Any]):
    """An option of which one value, or none, is all that there is here."""

    def __init__(self, *allowed: Any) -> None:
        super().__init__(required=False, allow_null=True)
        self.allowed = allowed

    def to_internal_value(self, data: Any) -> Any:
        if not any(type(data) is type(one) and data == one for one in self.allowed):
            told = " or ".join(str(one) for one in self.allowed if one not in ([], {}))
            detail = f"{self.field_name} is not supported here" + (f", but for {told}." if told else ".")
            raise InvalidInput.at(f"/{self.field_name}", detail, "unsupported_parameter")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class RawField(serializers.Field[Any, Any, Any, Any]):
    """JSON as it came: what it means is said elsewhere."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ListOf(RawField):
    """A list of at most so many."""

    def __init__(self, *, most: int) -> None:
        super().__init__()
        self.most = most

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list) or not data:
            raise serializers.ValidationError("This has to be a list with something in it.", code="required")
        if len(data) > self.most:
            raise serializers.ValidationError(f"There may be {self.most} at most.", code="too_many")
        return data


class StopField(RawField):
    """One text, or a few."""

    def to_internal_value(self, data: Any) -> tuple[str, ...]:
        given = [data] if isinstance(data, str) else data
        is_fine = isinstance(given, list) and len(given) <= _MOST_STOPS
        if not is_fine or not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_STOP for one in given):
            detail = f"Up to {_MOST_STOPS} texts of 1 to {_LONGEST_STOP} characters."
            raise serializers.ValidationError(detail, code="invalid")
        return tuple(given)


class StreamOptions(StrictSerializer):
    include_usage = optional(serializers.BooleanField)
    include_obfuscation = optional(serializers.BooleanField)


class ChatSerializer(StrictSerializer):
    model = serializers.CharField(max_length=_LONGEST_MODEL)
    messages = ListOf(most=_MOST_MESSAGES)
    stream = optional(serializers.BooleanField)
    stream_options = optional(StreamOptions)
    max_tokens = optional(serializers.IntegerField, min_value=1, max_value=_MOST_TOKENS)
    max_completion_tokens = optional(serializers.IntegerField, min_value=1, max_value=_MOST_TOKENS)
    temperature = optional(serializers.FloatField, min_value=0, max_value=2)
    top_p = optional(serializers.FloatField, min_value=0, max_value=1)
    seed = optional(serializers.IntegerField, min_value=-_MOST_SEED, max_value=_MOST_SEED)
    stop = StopField(required=False, allow_null=True)
    # Without effect: whose question it is the token says, and nothing is kept by these names.
    user = optional(serializers.CharField, max_length=_LONGEST_NOTE, allow_blank=True)
    safety_identifier = optional(serializers.CharField, max_length=_LONGEST_NOTE, allow_blank=True)
    prompt_cache_key = optional(serializers.CharField, max_length=_LONGEST_NOTE, allow_blank=True)
    prompt_cache_retention = optional(serializers.CharField, max_length=_LONGEST_NOTE, allow_blank=True)
    service_tier = optional(serializers.CharField, max_length=_LONGEST_NOTE, allow_blank=True)
    metadata = optional(serializers.DictField)
    parallel_tool_calls = optional(serializers.BooleanField)
    # What clients send that leave everything as it is.
    n = Only(1)
    store = Only(False)  # noqa: FBT003
    tools = Only([])
    tool_choice = Only("none", "auto")
    functions = Only([])
    function_call = Only("none", "auto")
    response_format = Only({"type": "text"})
    modalities = Only(["text"])
    audio = Only()
    prediction = Only()
    logprobs = Only(False)  # noqa: FBT003
    top_logprobs = Only(0)
    logit_bias = Only({})
    presence_penalty = Only(0, 0.0)
    frequency_penalty = Only(0, 0.0)
    reasoning_effort = Only()
    verbosity = Only()
    web_search_options = Only()


class EmbeddingsSerializer(StrictSerializer):
    model = serializers.CharField(max_length=_LONGEST_MODEL)
    input = RawField()
    encoding_format = optional(serializers.ChoiceField, choices=["float", "base64"])
    dimensions = Only(DIMENSIONS)
    user = optional(serializers.CharField, max_length=_LONGEST_NOTE, allow_blank=True)

    def validate_input(self, value: Any) -> list[str]:
        """One text, or many."""
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not given:
            raise serializers.ValidationError("Send a text, or a list of texts.", code="required")
        if len(given) > _MOST_INPUTS:
            raise serializers.ValidationError(f"There may be {_MOST_INPUTS} texts at most.", code="too_many")
        for one in given:
            if isinstance(one, int | list):
                detail = (
                    "Lists of tokens are not supported: send text."
                    " With langchain-openai set check_embedding_ctx_length=False."
                )
                raise serializers.ValidationError(detail, code="unsupported_input")
            if not isinstance(one, str) or not one.strip():
                raise serializers.ValidationError(
                    "Each input has to be a text that says something.", code="required"
                )
        return given
