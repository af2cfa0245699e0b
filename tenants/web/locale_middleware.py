"""Every request is answered in the language, and by the clock, of who asks."""

import re
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from tenants.db import give_back
from tenants.locales import Locale, locale_of, locale_of_program
from tenants.models import User

# Programs' doors, where no cookie is looked at: see `tenants.web.middleware`.
_PROGRAMS = re.compile(r"^/(api/v1|openai/v1|mcp)(/|$)")
# What is written in the language; files that are handed on have their own.
_WRITTEN = ("text/html", "text/plain", "text/event-stream", "application/json", "application/problem+json")


class LocaleMiddleware:
    """Takes the place of Django's, which knows cookies and browsers but no persons; after authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        locale = _locale(request, _person(request) if _has_session(request) else None)
        # From here on the request's thread may wait for units, which need connections themselves.
        give_back()
        # The thread goes on to other requests, or to the rest of a test.
        with translation.override(locale.language), timezone.override(locale.zone):
            request.LANGUAGE_CODE = locale.language
            return _told(request, self.get_response(request), locale)


def _has_session(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES and not _PROGRAMS.match(request.path_info)


def _person(request: HttpRequest) -> User | None:
    """Who is logged in. Where the database is away that is for the page to say, if it needs to know."""
    try:
        return request.user if isinstance(request.user, User) else None
    except (DatabaseError, InterfaceError):
        return None


def _locale(request: HttpRequest, person: User | None) -> Locale:
    if _PROGRAMS.match(request.path_info):
        return locale_of_program(request.headers.get("Accept-Language", ""))
    return locale_of(request, person)


def _told(request: HttpRequest, response: HttpResponseBase, locale: Locale) -> HttpResponseBase:
    """Caches keep the languages apart."""
    if response.get("Content-Type", "").startswith(_WRITTEN) and not response.has_header("Content-Disposition"):
        response.headers.setdefault("Content-Language", locale.language)
    is_program = _PROGRAMS.match(request.path_info)
    patch_vary_headers(response, ["Accept-Language"] if is_program else ["Accept-Language", "Cookie"])
    return response
