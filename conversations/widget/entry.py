"""What every call of a visitor passes: from our own page, to a site that is there, in a visitor's name."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from conversations.models import Site
from conversations.selectors.sites import OpenSite, open_site
from conversations.widget.limits import require_calm
from conversations.widget.visitors import visitor_of
from tenants.access import Access
from tenants.addresses.client_address import address_of
from tenants.api.problems import error_of, problem_response
from tenants.db import run_unit
from tenants.errors import PermissionRefused

# Not `Authorization`: what is in between may keep or strip that, and it is no bearer of ours.
HEADER = "Docent-Visitor"


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor at a site, who has come from `address`."""

    site: Site
    access: Access
    address: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody at a site of whom nothing is known yet."""

    opened: OpenSite
    token: str | None


Handler = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def arrived_at(request: HttpRequest) -> float:
    return float(getattr(request, "scope", {}).get("arrived_at", time.monotonic()))


def for_callers(method: str) -> Callable[[Handler], Handler]:
    """A view whose handler gets the request and a `Caller`."""
    return lambda handler: _view(method, handler, _caller)


def for_visitors(method: str) -> Callable[[Handler], Handler]:
    """A view whose handler gets the request and a `Visit`."""
    return lambda handler: _view(method, handler, _visit)


def _view(method: str, handler: Handler, enter: Callable[[HttpRequest, str], Any]) -> Handler:
    @wraps(handler)
    async def view(request: HttpRequest, key: str, **kwargs: Any) -> HttpResponseBase:
        if request.method != method:
            return HttpResponseNotAllowed([method])
        try:
            _require_own_page(request)
            entered = await run_unit(lambda: enter(request, key))
            response = await handler(request, entered, **kwargs)
        except Exception as error:  # noqa: BLE001 - `error_of` logs what is no refusal
            return problem_response(error_of(error, request), request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return csrf_exempt(view)


def _require_own_page(request: HttpRequest) -> None:
    """Browsers say where a script came from: other pages may show ours, and not call in its place."""
    origin = request.headers.get("Origin")
    own = urlsplit(settings.DOCENT_PUBLIC_URL)
    # By whichever name of its own the page was opened.
    is_own = origin in (None, f"{own.scheme}://{own.netloc}", f"{request.scheme}://{request.get_host()}")
    if not is_own or request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise PermissionRefused("Only the widget's own page may ask this.", code="foreign_origin")


def _caller(request: HttpRequest, key: str) -> Caller:
    opened = open_site(key)
    require_calm(opened.site, address_of(request), arrived_at=arrived_at(request))
    return Caller(opened, request.headers.get(HEADER))


def _visit(request: HttpRequest, key: str) -> Visit:
    caller = _caller(request, key)
    site, address = caller.opened.site, address_of(request)
    visitor = visitor_of(site, caller.token)
    return Visit(site, caller.opened.access_of(visitor.id, address), address)
