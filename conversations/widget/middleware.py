"""No cookie is read or set under `/widget/`: whoever is logged in here is a visitor there like all others."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

_PREFIX = "/widget/"


class WithoutCookies:
    """Stands before whatever reads or writes a cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        _forget(request)
        return _silent(request, self.get_response(request))


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
