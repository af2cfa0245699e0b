"""What a page of another web site loads: the script and, in a frame, our page."""

import secrets
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from conversations.selectors.sites import open_site
from tenants.errors import NotFound

_SCRIPT = Path(settings.BASE_DIR) / "conversations" / "widget" / "v1.js"
_SCRIPT_SECONDS = 3600


@cache
def _script() -> tuple[bytes, str]:
    code = _SCRIPT.read_bytes()
    return code, quote_etag(sha256(code).hexdigest()[:16])


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """`/widget/v1.js`: any page may load it, and it does nothing but open the frame."""
    code, etag = _script()
    response = HttpResponse(code, content_type="text/javascript; charset=utf-8")
    response.headers["ETag"] = etag
    found = get_conditional_response(request, etag=etag, response=response)
    assert isinstance(found, HttpResponse | HttpResponseNotModified)
    found.headers["Cache-Control"] = f"public, max-age={_SCRIPT_SECONDS}"
    # Pages that isolate themselves take nothing from elsewhere that does not say so.
    found.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return found


@require_safe
def frame(request: HttpRequest, key: str) -> HttpResponse:
    """`/widget/<key>/`: the chat. Pages of the site's origins may frame it, and nobody else's."""
    try:
        opened = open_site(key)
    except NotFound:
        return render(request, "widget/gone.html", status=404)
    site = opened.site
    nonce = secrets.token_urlsafe(16)
    host = request.GET.get("origin", "")
    shown = {
        "site": site,
        "key": key,
        "nonce": nonce,
        # Messages go to this origin alone, and none goes anywhere where it is not allowed.
        "host": host if host in site.origins else "",
    }
    response = render(request, "widget/frame.html", shown)
    response.headers["Content-Security-Policy"] = _policy(nonce, site.origins)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.xframe_options_exempt = True
    return response


def _policy(nonce: str, origins: list[str]) -> str:
    ancestors = " ".join(origins) or "'none'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "connect-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {ancestors}",
            "require-trusted-types-for 'script'",
            "trusted-types docent",
        )
    )
