"""What every operation may answer beside what it is for: said once, and written into the OpenAPI schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from tenants.api.preconditions import CHANGING
from tenants.api.problems import CONTENT_TYPE

_UNSAFE = frozenset({"post", "put", "patch", "delete"})
_TEXT = {"type": "string"}

_PROBLEM = {
    "type": "object",
    "description": "A refusal (RFC 9457). `detail` is a sentence for people, `code` is for programs and stays.",
    "properties": {
        "type": {**_TEXT, "description": "Always about:blank."},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "request_id": {**_TEXT, "description": "What the server's log knows the request by."},
        "errors": {
            "type": "array",
            "description": "Each wrong field.",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {**_TEXT, "description": "JSON pointer (RFC 6901) to the field or parameter."},
                    "detail": _TEXT,
                    "code": _TEXT,
                },
                "required": ["pointer", "detail", "code"],
            },
        },
        "quota": {
            "type": "object",
            "description": "Of `quota_exceeded`: which limit, and how much of it is used.",
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
    "example": {
        "type": "about:blank",
        "title": "Invalid request",
        "status": 400,
        "detail": "This field is not known.",
        "code": "invalid",
        "request_id": "5f0a6d9be7c0415c9f5d3e2a1b4c6d8e",
        "errors": [{"pointer": "/titel", "detail": "This field is not known.", "code": "unknown_field"}],
    },
}

REFUSALS = {
    "400": "The request is wrong; `errors` says where. An id in it that is unknown, or another's, is wrong too.",
    "401": "No valid bearer token.",
    "403": "The role, or the token's scopes, do not allow this.",
    "404": "Not there, or not for you.",
    "405": "Another method: `Allow` names those there are.",
    "408": "The request's body came too slowly.",
    "409": "Not possible in the present state; `code` says why.",
    "412": "`If-Match` names something else than what is there: it has changed, read it again.",
    "413": "Too large.",
    "415": "This kind of content is not taken.",
    "422": "The `Idempotency-Key` was used for another request.",
    "429": "Too many calls, or a limit of the organisation is used up; `Retry-After` says when to come again.",
    "431": "The headers are too large.",
    "500": "A fault of the server's; its log has the cause under `request_id`.",
    "503": "Not for the moment; `Retry-After` says when to come again.",
    "507": "The server's disk is full; nothing of the request was kept.",
}
"""Every status of a refusal, and what it means wherever it comes."""

_HEADERS = {
    "RateLimit-Limit": ("integer", "Calls that may come at once."),
    "RateLimit-Remaining": ("integer", "Calls that may come now."),
    "RateLimit-Reset": ("integer", "Seconds until as many as `RateLimit-Limit` may come again."),
}


def describe_answers(result: dict[str, Any], **_about: Any) -> dict[str, Any]:
    """Adds what all operations have in common to the OpenAPI schema. Called by drf-spectacular."""
    parts = result.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = _PROBLEM
    parts["responses"] = {f"Refused{status}": _refusal(text) for status, text in REFUSALS.items()}
    parts["headers"] = {
        name: {"schema": {"type": kind}, "description": text} for name, (kind, text) in _HEADERS.items()
    }
    for operations in result["paths"].values():
        for method, operation in operations.items():
            _describe(method, operation)
            _describe_file(operation, parts["schemas"])
            _close(operation, parts["schemas"])
    return result


def _describe(method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    for status, answer in answers.items():
        answer.setdefault("headers", {}).update(
            {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
        )
        if _has_tag(method, status, answer):
            answer["headers"]["ETag"] = {"schema": _TEXT, "description": "For `If-Match` and `If-None-Match`."}
    if method == "get" and "ETag" in answers.get("200", {}).get("headers", {}):
        answers["304"] = {"description": "It is what `If-None-Match` names."}
    for status in _refusals(method, operation):
        # What the operation itself says of it is kept: it knows more.
        said = answers.get(status, {}).get("description")
        answers[status] = _refusal(said) if said else {"$ref": f"#/components/responses/Refused{status}"}
    operation["responses"] = dict(sorted(answers.items()))


def _describe_file(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """A list that may be had whole, by `format=json`, is a page otherwise."""
    asked = {one["name"]: one.get("schema", {}).get("enum", []) for one in operation.get("parameters", [])}
    told = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    page = schemas.get(told["schema"].get("$ref", "").rpartition("/")[2]) if told else None
    if page is not None and "json" in asked.get("format", []) and "results" in page["properties"]:
        told["schema"] = {"oneOf": [told["schema"], page["properties"]["results"]]}


def _close(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """Say of what is sent that it has no other fields: see `StrictSerializer`."""
    for sent in operation.get("requestBody", {}).get("content", {}).values():
        body = schemas.get(sent["schema"].get("$ref", "").rpartition("/")[2])
        if body is not None and "properties" in body:
            body.setdefault("additionalProperties", False)


def _has_tag(method: str, status: str, answer: Mapping[str, Any]) -> bool:
    return (
        status == "200" and method in {"get", "put", "patch"} and "application/json" in answer.get("content", {})
    )


def _refusals(method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield from ("400", "401", "403", "404", "405", "429", "431", "500", "503")
    if method in _UNSAFE:
        yield from ("409", "422", "507")
    if "requestBody" in operation:
        yield from ("408", "413", "415")
    if method.upper() in CHANGING:
        yield "412"
    if method == "get":
        yield "409"


def _refusal(text: str) -> dict[str, Any]:
    return {"description": text, "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
