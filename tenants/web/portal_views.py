"""Pages of the portal: a view gets its `Access`, and refusals become pages or problem+json."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string

from tenants.access import Access
from tenants.addresses.links import global_url, tenant_url
from tenants.api.problems import as_docent_error, problem_response
from tenants.errors import DocentError, InvalidInput
from tenants.permissions import Action


def wants_json(request: HttpRequest) -> bool:
    """Scripts of the pages say so; a browser that follows a link or sends a form does not."""
    return "application/json" in request.headers.get("Accept", "")


def is_navigation(request: HttpRequest) -> bool:
    """A browser itself is asking, by a link or a form: it names HTML, which scripts never do."""
    return "text/html" in request.headers.get("Accept", "")


def require_text(request: HttpRequest) -> None:
    """Raise `InvalidInput` for a NUL in the query or a form: PostgreSQL keeps none."""
    texts = [text for sent in (request.GET, request.POST) for _, values in sent.lists() for text in values]
    if any("\0" in str(text) for text in texts):
        raise InvalidInput("Null characters are not allowed.", code="null_characters_not_allowed")


def portal_view(action: Action) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `view(request, access, …)`, a coroutine function or not, a view that needs a permission.

    The middleware let only members reach it; the permission table decides what they may do here.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def wrapped(request: HttpRequest, **kwargs: Any) -> Any:
            try:
                return view(request, _allowed(request, action), **kwargs)
            except Exception as raised:  # noqa: BLE001 - what is no refusal is raised again
                transaction.set_rollback(True)
                return _refusal(request, raised)

        @wraps(view)
        async def awaited(request: HttpRequest, **kwargs: Any) -> Any:
            try:
                return await view(request, _allowed(request, action), **kwargs)
            except Exception as raised:  # noqa: BLE001 - what is no refusal is raised again
                return _refusal(request, raised)

        chosen: Any = awaited if iscoroutinefunction(view) else wrapped
        chosen.action = action
        return cast("Callable[..., Any]", chosen)

    return decorate


def _allowed(request: HttpRequest, action: Action) -> Access:
    access: Access = request.access  # type: ignore[attr-defined]
    access.require(action)
    require_text(request)
    return access


def _refusal(request: HttpRequest, raised: Exception) -> HttpResponse:
    """What a person or a script is told; raises what is no refusal but a failure."""
    error: DocentError | None = as_docent_error(raised)
    if error is None:
        raise raised
    if wants_json(request) or (request.method == "POST" and not is_navigation(request)):
        return problem_response(error, request)
    if error.status == HTTPStatus.NOT_FOUND:
        raise Http404(error.detail) from raised
    if error.status == HTTPStatus.FORBIDDEN:
        raise PermissionDenied(error.detail) from raised
    if not is_navigation(request):
        return HttpResponse(error.detail, status=error.status, content_type="text/plain; charset=utf-8")
    return _refusal_page(request, error)


def _refusal_page(request: HttpRequest, error: DocentError) -> HttpResponse:
    """In the portal's look. Its transaction is lost, so nothing in it may query: it gets all that it shows."""
    access: Access = request.access  # type: ignore[attr-defined]
    chat, sent_from = tenant_url(access.tenant_slug, "chat"), urlsplit(request.headers.get("Referer", ""))
    is_here = sent_from.netloc == request.get_host() and sent_from.path.startswith(chat)
    context = {
        "request": request,
        "status": error.status,
        "detail": error.errors[0].detail if error.errors else error.detail,
        "back": f"{sent_from.path}?{sent_from.query}".removesuffix("?") if is_here else "",
        "tenant": {"name": access.tenant_name, "slug": access.tenant_slug},
        "global_urls": {"home": global_url("home")},
    }
    response = HttpResponse(render_to_string("refused.html", context), status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response
