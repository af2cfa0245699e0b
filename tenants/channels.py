"""Sockets pass the same resolver as HTTP, before they are accepted."""

import re
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from tenants.access import Access, access_by_membership, access_by_token, bearer_of
from tenants.db import run_unit
from tenants.errors import DocentError, NotAuthenticated, NotFound
from tenants.models import User

Asgi = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_SOCKET = re.compile(r"^/o/(?P<slug>[-a-z0-9]+)/ws/")
REFUSED = 4403


class TenantSocketMiddleware:
    """Sets `scope["access"]`, or closes before accepting, which the server answers with HTTP 403.

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
            access = await run_unit(lambda: resolve(scope))
        except DocentError:
            await receive()
            await send({"type": "websocket.close", "code": REFUSED})
            return
        await self.app({**scope, "access": access}, receive, send)


def resolve(scope: dict[str, Any]) -> Access:
    """The access of a socket's handshake. Raises `NotFound` or `NotAuthenticated`."""
    match = _SOCKET.match(scope["path"])
    if match is None:
        raise NotFound
    headers = _single_headers(scope["headers"])
    address = scope["client"][0] if scope.get("client") else None
    bearer = bearer_of(headers.get("authorization"))
    if bearer is not None:
        access = access_by_token(bearer, address=address)
        if access.tenant_slug != match["slug"]:
            raise NotFound
        return access
    _require_same_origin(headers)
    user = _session_user(headers.get("cookie", ""))
    return access_by_membership(user, match["slug"], address=address)


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
    origin = urlsplit(headers.get("origin", ""))
    allowed = {host, urlsplit(settings.DOCENT_PUBLIC_URL).netloc}
    if origin.scheme not in {"http", "https"} or origin.netloc not in allowed:
        raise NotAuthenticated


def _session_user(cookie_header: str) -> User:
    morsel = SimpleCookie(cookie_header).get(settings.SESSION_COOKIE_NAME)
    if morsel is None:
        raise NotAuthenticated
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    user = get_user(request)
    if not isinstance(user, User):
        raise NotAuthenticated
    return user
