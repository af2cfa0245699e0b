"""Server-sent events in the OpenAPI schema, which has no words of its own for them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

LAST_EVENT = OpenApiParameter(
    "Last-Event-ID",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    OpenApiParameter.HEADER,
    description="The `id` of the last event that one has.",
)

_KINDS: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "list": {"type": "array", "items": {"type": "object"}},
}


def events(description: str, **kinds: Mapping[str, str]) -> OpenApiResponse:
    """A stream of these kinds of events, each with its fields; a kind that ends in "?" may be null.

    A field whose name ends in "?" may be missing.
    """
    told = "; ".join(f"`{kind}` {{{', '.join(fields)}}}" for kind, fields in kinds.items())
    return OpenApiResponse(
        response={
            "type": "object",
            "description": "One event. `data` is JSON with the event's name as `type`.",
            "properties": {
                "id": {"type": "string", "description": "What `Last-Event-ID` says when one comes again."},
                "event": {"type": "string", "enum": list(kinds)},
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"oneOf": [_schema(kind, fields) for kind, fields in kinds.items()]},
                },
            },
            "required": ["id", "event", "data"],
        },
        description=f"{description} Server-sent events: {told}.",
    )


def _schema(kind: str, fields: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "type": {"const": kind},
            **{name.removesuffix("?"): _field(of) for name, of in fields.items()},
        },
        "required": ["type", *(name for name in fields if not name.endswith("?"))],
    }


def _field(kind: str) -> dict[str, Any]:
    found = _KINDS[kind.removesuffix("?")]
    return {"oneOf": [found, {"type": "null"}]} if kind.endswith("?") else found
