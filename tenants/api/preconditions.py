"""`ETag`, `If-None-Match` and `If-Match`: who changes what they have read hears if it is another thing by now.

A tag is the hash of what GET answers, to the byte: nothing that is shown can change and keep its tag.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.utils.http import parse_etags, quote_etag
from rest_framework.request import Request

from tenants.access import Access
from tenants.errors import PreconditionFailed

CHANGING = frozenset({"PATCH", "PUT", "DELETE"})
_TAGGED = frozenset({"GET", "HEAD", "PATCH", "PUT"})
_DIGITS = 32

_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": (
        "The `ETag` of the answer that the change is based on. If GET answers something else by now, nothing is"
        " changed: 412 `precondition_failed`. `*`: whatever it is."
    ),
}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The `ETag` of the answer that one has: 304 without a body while that is what one would get.",
}


def tag_of(response: Any) -> str | None:
    """The tag of a whole JSON answer; None for any other."""
    is_json = response.headers.get("Content-Type", "").partition(";")[0] == "application/json"
    if response.streaming or response.status_code != HTTPStatus.OK or not is_json:
        return None
    return quote_etag(hashlib.sha256(response.content).hexdigest()[:_DIGITS])


def tag(request: HttpRequest | Request, response: Any) -> None:
    """Tell the answer's tag; to who has it already nothing but that."""
    if request.method not in _TAGGED or "ETag" in response.headers:
        return
    found = tag_of(response)
    if found is None:
        return
    response.headers["ETag"] = found
    if request.method not in CHANGING and is_known(request, found):
        response.status_code = HTTPStatus.NOT_MODIFIED
        response.content = b""
        response.headers.pop("Content-Type", None)


def is_known(request: HttpRequest | Request, current: str) -> bool:
    """Whether the one who asks has this already: weakened tags count, as RFC 9110 wants."""
    given = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in given or current in {one.removeprefix("W/") for one in given}


def require_match(request: HttpRequest | Request, current: str | None) -> None:
    """Raise `PreconditionFailed` where `If-Match` names other tags; weakened ones never fit."""
    given = request.headers.get("If-Match")
    if given is None:
        return
    tags = parse_etags(given)
    if "*" not in tags and (current is None or current not in tags):
        raise PreconditionFailed("It has changed since you read it. Read it again and decide anew.")


def hold(access: Access, request: HttpRequest | Request) -> None:
    """Until the caller's unit ends nobody else changes what is at this path: between look and change either."""
    with connection.cursor() as cursor:
        name = f"change {access.tenant_id} {request.path}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def describe_tags(result: Mapping[str, Any], **_about: Any) -> Mapping[str, Any]:
    """Adds the headers to the OpenAPI schema, where there is something to compare. Called by drf-spectacular."""
    for operations in result["paths"].values():
        read = operations.get("get")
        if read is None or "application/json" not in read["responses"].get("200", {}).get("content", {}):
            continue
        read.setdefault("parameters", []).append(_IF_NONE_MATCH)
        for method in operations.keys() & {one.lower() for one in CHANGING}:
            operations[method].setdefault("parameters", []).append(_IF_MATCH)
    return result
