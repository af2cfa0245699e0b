"""Refusals as RFC 9457 `application/problem+json`, for every API but the one that speaks as OpenAI's does."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from tenants.api.envelopes import openai_error, speaks_openai
from tenants.errors import (
    DocentError,
    Failure,
    FieldError,
    FilesAway,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    PermissionRefused,
    QuotaExceeded,
    StorageFull,
    TooLarge,
    Unavailable,
    is_disk_full,
)
from tenants.observing.log_context import noted_ids

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


def request_id_of(request: Any) -> str:
    """The request's id, made when first asked for; it stands in the answer and in the logs."""
    http = getattr(request, "_request", request)
    found: str | None = getattr(http, "docent_request_id", None)
    if found is None:
        found = noted_ids().get("request") or uuid4().hex
        http.docent_request_id = found
    return found


def problem(error: DocentError, request: Any) -> dict[str, Any]:
    """The body of a refusal."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.heading,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id_of(request),
    }
    if error.errors:
        body["errors"] = [{"pointer": one.pointer, "detail": one.detail, "code": one.code} for one in error.errors]
    if isinstance(error, QuotaExceeded):
        body["quota"] = error.quota
    return body


def told(error: DocentError, request: Any) -> tuple[dict[str, Any], str]:
    """The body of a refusal as who asks understands it, and what it is."""
    if not speaks_openai(request.path):
        return problem(error, request), CONTENT_TYPE
    first = error.errors[0] if error.errors else FieldError("", error.detail, error.code)
    envelope = openai_error(status=error.status, code=first.code, detail=error.detail, pointer=first.pointer)
    return envelope, "application/json"


def _headers(error: DocentError, request: Any) -> dict[str, str]:
    headers = {"X-Request-ID": request_id_of(request), "Cache-Control": "no-store"}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="docent"'
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def problem_response(error: DocentError, request: HttpRequest) -> JsonResponse:
    """For views and middleware outside DRF."""
    body, content_type = told(error, request)
    return JsonResponse(body, status=error.status, content_type=content_type, headers=_headers(error, request))


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook. Always rolls back: DRF's own helper does so only under ATOMIC_REQUESTS."""
    request = context["request"]
    error = error_of(exc, request)
    if connection.in_atomic_block:
        transaction.set_rollback(True)
    body, content_type = told(error, request)
    return Response(body, status=error.status, content_type=content_type, headers=_headers(error, request))


def error_of(exc: Exception, request: Any) -> DocentError:
    """What a program is told of an exception. A real failure is logged, and its cause stays in the log."""
    error = as_docent_error(exc)
    if error is not None:
        return error
    logger.error("request %s failed", request_id_of(request), exc_info=exc)
    return Unavailable() if isinstance(exc, OperationalError | FilesAway) else Failure()


def as_docent_error(exc: Exception) -> DocentError | None:
    """The refusal that an exception of Django or DRF stands for; None for a real failure."""
    match exc:
        case DocentError():
            return exc
        case Http404():
            return NotFound()
        case DjangoPermissionDenied():
            return PermissionRefused()
        case RequestDataTooBig():
            return TooLarge("The request's body is too large.")
        case SuspiciousOperation():
            return InvalidInput("The request is malformed.", code="malformed")
        case OSError() if is_disk_full(exc):
            return StorageFull()
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return NotAuthenticated()
        case exceptions.ValidationError():
            errors = tuple(_field_errors(exc.detail, ""))
            return InvalidInput(errors[0].detail if errors else "Invalid.", errors=errors)
        case exceptions.APIException():
            error = DocentError(str(exc.detail), code=str(exc.default_code))
            error.status = exc.status_code
            error.title = HTTPStatus(exc.status_code).phrase
            return error
        case _:
            return None


def _field_errors(detail: Any, pointer: str) -> Iterator[FieldError]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            yield from _field_errors(inner, pointer + step)
    elif isinstance(detail, list):
        for inner in detail:
            if isinstance(inner, dict | list):
                yield from _field_errors(inner, pointer)
            else:
                yield FieldError(pointer, str(inner), str(getattr(inner, "code", "invalid")))
