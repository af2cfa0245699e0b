"""Where a request came from."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """The client's address; forwarded ones count only from as many proxies as the operator named."""
    try:
        address: str = get_adapter(request).get_client_ip(request)
    # What allauth raises when there is none, and when fewer proxies than named have forwarded it.
    except (PermissionDenied, ImproperlyConfigured):
        return None
    return address
