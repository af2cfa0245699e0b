"""Sockets pass the same resolver as HTTP, before they are accepted."""

import re
from collections.abc import Awaitable, Callable
from importlib import import_module
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host

from tenants.access import Access, access_by_token, bearer_of
from tenants.addresses.client_address import address_of
from tenants.db import run_unit
from tenants.errors import DocentError, NotAuthenticated, NotFound
from tenants.locales import Locale, locale_of, locale_of_program
from tenants.models import User
from tenants.observing.log_context import note
from tenants.revocable_work import Login, session_digest
from tenants.signin.sessions import access_of_session

Asgi = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_SOCKET = re.compile(r"^/o/(?P<slug>[-a-z0-9]+)/ws/")
REFUSED = 4403


class TenantSocketMiddleware:
    """Sets `scope["access"]` and, for a page, `scope["login"]`; or refuses with HTTP 403, before accepting.

    A session cookie counts only with the Origin of this very site; a bearer token needs none, because
    no page can make a browser send it.
    """

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        try:
            access, login, locale = await run_unit(lambda: resolve(scope))
        except DocentError:
            await receive()
            await send({"type": "websocket.close", "code": REFUSED})
            return
        # For the whole of the socket's task, and what it begins.
        locale.activate()
        note(tenant=access.tenant_id)
        await self.app({**scope, "access": access, "login": login}, receive, send)


def resolve(scope: dict[str, Any]) -> tuple[Access, Login | None, Locale]:
    """Whose handshake it is, by which log-in a page's, and how they are spoken to. Raises
    `NotFound` or `NotAuthenticated`.
    """
    match = _SOCKET.match(scope["path"])
    if match is None:
        raise NotFound
    headers = _single_headers(scope["headers"])
    # The handshake is a request like any other: who sent it is found by the same rule.
    handshake = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    address = address_of(handshake)
    bearer = bearer_of(headers.get("authorization"))
    if bearer is not None:
        access = access_by_token(bearer, address=address)
        if access.tenant_slug != match["slug"]:
            raise NotFound
        return access, None, locale_of_program(handshake.headers.get("Accept-Language", ""))
    _require_same_origin(headers)
    request, login = _login(headers.get("cookie", ""))
    assert isinstance(request.user, User)
    locale = locale_of(handshake, request.user)
    return access_of_session(request, match["slug"], address=address), login, locale


def _single_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        if key in {"authorization", "origin", "host"} and key in headers:
            raise NotAuthenticated(f"The header {key} stands twice.")
        headers[key] = f"{headers[key]}; {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    return headers


def _require_same_origin(headers: dict[str, str]) -> None:
    host = headers.get("host", "")
    domain, _port = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise NotAuthenticated
    try:
        origin = urlsplit(headers.get("origin", ""))
    except ValueError as error:  # no address at all, like http://[
        raise NotAuthenticated from error
    allowed = {host, urlsplit(settings.DOCENT_PUBLIC_URL).netloc}
    if origin.scheme not in {"http", "https"} or origin.netloc not in allowed:
        raise NotAuthenticated


def _login(cookie_header: str) -> tuple[HttpRequest, Login]:
    """The session that the cookie names, as a request has it. Raises `NotAuthenticated`."""
    # As requests have theirs: Python's own class refuses some headers, in some of its releases.
    key = parse_cookie(cookie_header).get(settings.SESSION_COOKIE_NAME)
    if key is None:
        raise NotAuthenticated
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    request.user = get_user(request)
    stored = Session.objects.filter(session_key=request.session.session_key).first()
    if not isinstance(request.user, User) or stored is None:
        raise NotAuthenticated
    return request, Login(session_sha256=session_digest(key), expires_at=stored.expire_date)
