"""The log-in page's way to an organisation's own provider."""

import re
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from django import template

from tenants.addresses.links import global_url
from tenants.context_processors import accent_url
from tenants.selectors import find_public_brand
from tenants.services.signin import find_sign_in

register = template.Library()

_PORTAL = re.compile(r"/o/(?P<slug>[-a-z0-9]+)/")


@register.simple_tag
def organisation_brand(destination: str | None) -> dict[str, str] | None:
    """`{name, logo, stylesheet}` of the organisation that a person was on the way to, where it shows that.

    The logo is in the page itself: no address says whether an organisation is here.
    """
    match = _PORTAL.match(destination or "")
    brand = find_public_brand(match["slug"]) if match else None
    if brand is None:
        return None
    name, accent, image = brand
    logo = f"data:image/webp;base64,{b64encode(image).decode()}" if image else ""
    return {"name": name, "logo": logo, "stylesheet": accent_url(accent)}


@register.simple_tag
def organisation_sign_in(destination: str | None) -> dict[str, Any] | None:
    """`{name, url}` of the provider of the organisation that a person was on the way to, if it has one."""
    match = _PORTAL.match(destination or "")
    sign_in = find_sign_in(match["slug"]) if match else None
    if sign_in is None:
        return None
    url = global_url("openid_connect_login", sign_in.slug)
    return {"name": sign_in.name, "url": f"{url}?{urlencode({'next': destination})}"}
