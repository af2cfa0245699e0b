"""Pages leave compressed; files, streams and what programs are told do not."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """Django's own, which hides the length of what it compresses, for HTML alone.

    A stream would wait until a piece of it is worth compressing. Style sheets and scripts are compressed when they
    are collected (`config/static.py`).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.get("Content-Type", "").startswith("text/html")
        if response.streaming or not is_page:
            return response
        return super().process_response(request, response)
