"""Where a request's tenant comes from, and the transaction in its name."""

import re
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import set_script_prefix
from django.views.defaults import bad_request, page_not_found, server_error

from tenants.access import Access, access_by_token, bearer_of
from tenants.addresses.client_address import address_of
from tenants.addresses.links import global_url, tenant_url
from tenants.api.problems import problem_response
from tenants.db import give_back, run_unit, tenant_atomic
from tenants.errors import DocentError, Failure, InvalidInput, NotAuthenticated, NotFound, Unavailable
from tenants.limits.bucket import Verdict, count_call
from tenants.limits.callers import Caller, caller_of, recall_caller, remember_caller
from tenants.models import User
from tenants.observing.log_context import note
from tenants.signin.sessions import access_of_session, organisation_of

_PORTAL = re.compile(r"^/o/(?P<slug>[-a-z0-9]+)(?P<rest>/.*)$")
# Programs' doors: a bearer token and nothing else opens them, a cookie is not looked at.
_BEARER = re.compile(r"^/(api/v1|openai/v1|mcp)(/|$)")


# Pages outside every organisation that every session may open.
_FOR_BOUND_SESSIONS = frozenset(
    {
        "account_confirm_email",
        "account_email_verification_sent",
        "account_inactive",
        "account_login",
        "account_logout",
        "account_reauthenticate",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "api-docs",
        "health-live",
        "health-ready",
        "home",
        "openid_connect_callback",
        "openid_connect_login",
        "schema",
        "socialaccount_login_cancelled",
        "socialaccount_login_error",
    }
)


class ConnectionMiddleware:
    """Stands first in MIDDLEWARE: who reads an answer slowly keeps no connection to the database meanwhile.

    Django gives a request's connection back when the answer has been sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            give_back()


class TenantMiddleware:
    """Sets `request.access` and runs synchronous views inside `tenant_atomic()`.

    `/o/<slug>/…` is served by the tenant URL configuration under the script prefix `/o/<slug>/`, to a
    member who is logged in. The APIs are served to a bearer token, and each call is counted. It stands
    last in MIDDLEWARE, so that its `process_view` runs after every other check, CSRF among them.
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
        return _with_rate(response, request)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        slug = self._enter(request)
        refusal = None
        if slug is not None or _BEARER.match(request.path_info):
            # A unit of its own: the request's thread would keep the connection for as long as a stream lasts.
            refusal = await run_unit(partial(self._resolve, request, slug))
        response: HttpResponseBase = refusal or await self.get_response(request)
        return _with_rate(response, request)

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
            request.access = access_of_program(request)  # type: ignore[attr-defined]
        except DocentError as error:
            return problem_response(error, request)
        return None

    @staticmethod
    def process_view(
        request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Run a synchronous view of a tenant in its transaction; asynchronous ones use `run_in_tenant`."""
        access = request.access  # type: ignore[attr-defined]
        if access is None:
            return _refuse_bound_session(request)
        note(tenant=access.tenant_id)
        if iscoroutinefunction(view):
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


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler400`: what it has found wrong with a request before any view was asked."""
    if _BEARER.match(request.path_info):
        return problem_response(InvalidInput("The request is malformed.", code="malformed"), request)
    return bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler404`: of paths that lead nowhere programs hear as of everything else."""
    if _BEARER.match(request.path_info):
        return problem_response(NotFound(), request)
    return page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`. A database that is away is no fault that anybody need hear of as one: come again."""
    is_away = isinstance(sys.exc_info()[1], (OperationalError, InterfaceError))
    error = Unavailable() if is_away else Failure()
    if _BEARER.match(request.path_info):
        return problem_response(error, request)
    response = server_error(request)
    response.status_code = error.status
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _refuse_bound_session(request: HttpRequest) -> HttpResponse | None:
    """Pages of the account itself are not for whom only an organisation vouches: see `organisation_of`."""
    if request.resolver_match is None or request.resolver_match.url_name in _FOR_BOUND_SESSIONS:
        return None
    slug = organisation_of(request)
    if slug is None:
        return None
    return render(request, "account/bound_session.html", {"chat_url": tenant_url(slug, "chat")}, status=403)


def access_of_program(request: HttpRequest, *, is_counted: bool = True) -> Access:
    """Look a token up, and count the call: before that where its person is known, as a flood's is.

    Raises `NotAuthenticated` and `RateLimited`.
    """
    bearer = bearer_of(request.headers.get("Authorization"))
    if bearer is None:
        raise NotAuthenticated
    if not is_counted:
        return access_by_token(bearer, address=address_of(request))
    known = recall_caller(bearer)
    if known is not None:
        _count(request, known)
    access = access_by_token(bearer, address=address_of(request))
    caller = caller_of(access)
    remember_caller(bearer, caller)
    if known is None:
        _count(request, caller)
    return access


def _count(request: HttpRequest, caller: Caller) -> None:
    """One call of this person; raises `RateLimited`."""
    # See `config.bodies`; Django's own test client hands its requests over as they come.
    arrived_at = getattr(request, "scope", {}).get("arrived_at", time.monotonic())
    verdict = count_call(caller.person, rate=caller.rate, arrived_at=arrived_at)
    request.rate = verdict  # type: ignore[attr-defined]
    if not verdict.is_allowed:
        raise verdict.refusal()


def _with_rate(response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    """Every answer to a call that was counted says how many are left."""
    verdict: Verdict | None = getattr(request, "rate", None)
    for name, value in verdict.headers.items() if verdict else ():
        response.headers[name] = value
    return response


def _resolve_member(request: HttpRequest, slug: str) -> HttpResponse | None:
    if not isinstance(request.user, User):
        if "application/json" in request.headers.get("Accept", ""):
            return problem_response(NotAuthenticated("You are logged out. Log in again to go on."), request)
        return HttpResponseRedirect(f"{global_url('account_login')}?next={quote(request.get_full_path())}")
    try:
        request.access = access_of_session(request, slug, address=address_of(request))  # type: ignore[attr-defined]
    except NotFound as error:
        raise Http404(str(error)) from error
    return None
