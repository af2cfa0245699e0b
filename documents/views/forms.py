"""Forms of the documents pages: where they lead, and how a refusal is told."""

import re
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenants.access import Access
from tenants.api.problems import as_docent_error
from tenants.api.serializers import StrictJSONParser
from tenants.permissions import Action
from tenants.web.portal_views import is_navigation, portal_view

# Below the organisation's own address: the list, a document, how it is cut, a collection.
_PAGES = r"documents/([0-9a-f-]{36}/(chunks/)?)?|collections/[0-9a-f-]{36}/"
# These are pages of their own; anything else is said where the form stands.
_NO_NOTICES = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


def form_view(action: Action) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `view(request, access, …)` the target of a form that stands on one of the documents pages.

    What is refused is said in a notice on the page that the form was sent from. A script gets what every
    `portal_view` gives it.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def sent(request: HttpRequest, access: Access, **kwargs: Any) -> HttpResponse:
            try:
                response: HttpResponse = view(request, access, **kwargs)
            except Exception as raised:
                error = as_docent_error(raised)
                if error is None or error.status in _NO_NOTICES or not is_navigation(request):
                    raise
                transaction.set_rollback(True)
                messages.error(request, error.errors[0].detail if error.errors else error.detail)
                return redirect(_sent_from(request))
            return response

        return require_POST(portal_view(action)(sent))

    return decorate


def back(request: HttpRequest) -> HttpResponse:
    """To the page that the form was sent from; a script stays where it is."""
    return redirect(_sent_from(request)) if is_navigation(request) else HttpResponse(status=HTTPStatus.NO_CONTENT)


def tell(request: HttpRequest, words: str, level: int = messages.SUCCESS) -> None:
    """Say on the next page what became of it; a script says so itself."""
    if is_navigation(request):
        messages.add_message(request, level, words)


def to_list() -> HttpResponse:
    return redirect(reverse("portal:documents"))


def fields_of(request: HttpRequest) -> Any:
    """What a form or a script's JSON holds."""
    if request.content_type != "application/json":
        return {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    return StrictJSONParser().parse(BytesIO(request.body))


def _sent_from(request: HttpRequest) -> str:
    """Path and query of a page about documents of this organisation, the list where the browser says no other."""
    pages = reverse("portal:documents")
    place = urlsplit(request.headers.get("Referer", ""))
    if not re.fullmatch(rf"{re.escape(reverse('portal:chat'))}(?:{_PAGES})", place.path):
        return pages
    return f"{place.path}?{place.query}" if place.query else place.path
