"""No cookie is read or set under `/widget/`: whoever is logged in here is a visitor there like all others."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

_PREFIX = "/widget/"


class WithoutCookies:
    """Stands first in MIDDLEWARE, so that what comes after it finds no cookie."""

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
        _forget(request)
        response: HttpResponseBase = self.get_response(request)
        return _silent(request, response)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        _forget(request)
        return _silent(request, await self.get_response(request))


def _forget(request: HttpRequest) -> None:
    if request.path_info.startswith(_PREFIX):
        # What is first can say so: nobody has read them yet.
        request.META.pop("HTTP_COOKIE", None)


def _silent(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if request.path_info.startswith(_PREFIX):
        response.cookies.clear()
        if "Cookie" in response.get("Vary", ""):
            del response.headers["Vary"]
            patch_vary_headers(response, ["Accept-Language"])
    return response
