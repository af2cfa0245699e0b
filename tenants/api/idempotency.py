"""`Idempotency-Key`: an unsafe request that is sent again is answered as the first one was."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import QueryDict
from django.utils.translation import gettext
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput
from tenants.models import KeptAnswer
from tenants.services.idempotency import Attempt

R = TypeVar("R", bound=HttpResponseBase)

_LONGEST = 255
_REPLAYED = "Idempotency-Replayed"
_UNSAFE = ("post", "put", "patch", "delete")

_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": _LONGEST},
    "description": (
        "Printable ASCII of your own making. The same request with the same key within 24 hours is answered as the"
        f" first one was, with `{_REPLAYED}: true`, and carried out once; refusals are not kept. Another request"
        " with it: 422 `idempotency_key_reused`. The first one not answered yet: 409 `request_in_progress`."
    ),
}


class AnsweredBefore(Exception):
    """Raised where a view would begin to work; `answer` is what to send instead."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


def attempt_of(request: HttpRequest | Request, access: Access, fields: Any = None) -> Attempt | None:
    """The request as one of several alike; None when it names no key, or changes nothing.

    `fields` is what it asks, parsed; without it, the request's own data. Raises `InvalidInput` for a key that is
    none.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None or (request.method or "").lower() not in _UNSAFE:
        return None
    if not (0 < len(key) <= _LONGEST and key.isascii() and key.isprintable()):
        raise InvalidInput(
            gettext("An Idempotency-Key has 1 to {longest} printable ASCII characters.").format(longest=_LONGEST),
            code="invalid_idempotency_key",
        )
    asked = _asked(request) if isinstance(request, Request) else {"fields": fields}
    # A token of the same person that reaches less must not be shown what another one was.
    reach = None if access.collections is None else sorted(map(str, access.collections))
    whole = {"method": request.method, "path": request.path, "reach": reach, **asked}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"), default=str)
    return Attempt(access, key, hashlib.sha256(canonical.encode()).hexdigest())


def _asked(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, QueryDict):
        return {"fields": request.data}
    return {"fields": dict(request.POST.lists()), "files": sorted(_hashes(request.FILES))}


def _hashes(files: Any) -> Iterable[tuple[str, str, str]]:
    for field, sent in files.lists():
        for file in sent:
            yield field, file.name or "", _sha256(file)


def _sha256(file: "UploadedFile[Any]") -> str:
    file.seek(0)
    digest = hashlib.sha256()
    for block in file.chunks():
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def require_first(attempt: Attempt) -> None:
    """Let a request go on that comes for the first time; `AnsweredBefore` otherwise."""
    kept = attempt.find()
    if kept is not None:
        raise AnsweredBefore(replayed(_answer(attempt, kept)))


def _answer(attempt: Attempt, kept: KeptAnswer) -> Response:
    body = attempt.body_of(kept)
    return Response(json.loads(body) if body else None, status=kept.status)


async def answer_once(
    request: HttpRequest, access: Access, fields: Any, work: Callable[[], Awaitable[HttpResponse]]
) -> HttpResponseBase:
    """For coroutines whose work changes nothing: a repeated request gets the first one's answer."""
    attempt = attempt_of(request, access, fields)
    if attempt is None:
        await request.require_match()  # type: ignore[attr-defined]
        return await work()
    kept = await run_in_tenant(access.tenant_id, attempt.find)
    if kept is not None:
        body = attempt.body_of(kept)
        return replayed(HttpResponse(body, status=kept.status, content_type="application/json"))
    await request.require_match()  # type: ignore[attr-defined]
    response = await work()
    await run_in_tenant(access.tenant_id, keep_response, attempt, response)
    return response


def replayed(response: R) -> R:
    """The response, saying that it repeats an earlier one."""
    response.headers[_REPLAYED] = "true"
    return response


def keep_response(attempt: Attempt, response: HttpResponse) -> None:
    """Keep what the view has answered, unless it refused."""
    if response.status_code < 400:  # noqa: PLR2004
        attempt.keep(status=response.status_code, body=response.content.decode())


def describe_header(result: Mapping[str, Any], **_about: Any) -> Mapping[str, Any]:
    """Adds the header to every unsafe operation of the OpenAPI schema. Called by drf-spectacular."""
    for operations in result["paths"].values():
        for method in operations.keys() & set(_UNSAFE):
            operations[method].setdefault("parameters", []).append(_PARAMETER)
    return result
