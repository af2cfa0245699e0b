"""Where a request's tenant comes from, and the transaction in its name."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from allauth.account.adapter import get_adapter
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import set_script_prefix

from tenants.access import access_by_membership, access_by_token, bearer_of
from tenants.api.problems import problem_response
from tenants.db import run_unit, tenant_atomic
from tenants.errors import DocentError, NotAuthenticated, NotFound
from tenants.links import global_url
from tenants.models import User

_PORTAL = re.compile(r"^/o/(?P<slug>[-a-z0-9]+)(?P<rest>/.*)$")
# Programs' doors: a bearer token and nothing else opens them, a cookie is not looked at.
_BEARER = re.compile(r"^/(api/v1|openai/v1|mcp)(/|$)")


class TenantMiddleware:
    """Sets `request.access` and runs synchronous views inside `tenant_atomic()`.

    `/o/<slug>/…` is served by the tenant URL configuration under the script prefix `/o/<slug>/`, to a
    member who is logged in. The APIs are served to a bearer token. It stands last in MIDDLEWARE, so
    that its `process_view` runs after every other check, CSRF among them.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._acall(request)
        slug = self._enter(request)
        response: HttpResponseBase = self._resolve(request, slug) or self.get_response(request)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        slug = self._enter(request)
        refusal = None
        if slug is not None or _BEARER.match(request.path_info):
            # A unit of its own: the request's thread would keep the connection for as long as a stream lasts.
            refusal = await run_unit(partial(self._resolve, request, slug))
        response: HttpResponseBase = refusal or await self.get_response(request)
        return response

    @staticmethod
    def _enter(request: HttpRequest) -> str | None:
        """Step into the organisation that the path names; returns its slug."""
        request.access = None  # type: ignore[attr-defined]
        match = _PORTAL.match(request.path_info)
        if match is None:
            return None
        request.path_info = match["rest"]
        request.urlconf = settings.TENANT_URLCONF
        set_script_prefix(f"/o/{match['slug']}/")
        return match["slug"]

    @staticmethod
    def _resolve(request: HttpRequest, slug: str | None) -> HttpResponse | None:
        if slug is not None:
            return _resolve_member(request, slug)
        if not _BEARER.match(request.path_info):
            return None
        try:
            bearer = bearer_of(request.headers.get("Authorization"))
            if bearer is None:
                raise NotAuthenticated
            request.access = access_by_token(bearer, address=address_of(request))  # type: ignore[attr-defined]
        except DocentError as error:
            return problem_response(error, request)
        return None

    @staticmethod
    def process_view(
        request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Run a synchronous view of a tenant in its transaction; asynchronous ones use `run_in_tenant`."""
        access = request.access  # type: ignore[attr-defined]
        if access is None or iscoroutinefunction(view):
            return None
        with tenant_atomic(access.tenant_id):
            response: Any = view(request, *args, **kwargs)
            # Lazy templates query while they render, so they render in here.
            if callable(getattr(response, "render", None)):
                response = response.render()
            # Exceptions deeper inside arrive as responses: a failed request must not commit half its work.
            if response.status_code >= 500:  # noqa: PLR2004
                transaction.set_rollback(True)
        return response  # type: ignore[no-any-return]


def address_of(request: HttpRequest) -> str | None:
    """The client's address; forwarded ones count only from as many proxies as the operator named."""
    try:
        address: str = get_adapter(request).get_client_ip(request)
    except PermissionDenied:  # what allauth raises when there is none
        return None
    return address


def _resolve_member(request: HttpRequest, slug: str) -> HttpResponse | None:
    user = request.user
    if not isinstance(user, User):
        if "application/json" in request.headers.get("Accept", ""):
            return problem_response(NotAuthenticated("You are logged out. Log in again to go on."), request)
        return HttpResponseRedirect(f"{global_url('account_login')}?next={quote(request.get_full_path())}")
    try:
        request.access = access_by_membership(user, slug, address=address_of(request))  # type: ignore[attr-defined]
    except NotFound as error:
        raise Http404(str(error)) from error
    return None
