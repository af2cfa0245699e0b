"""URLs that do not depend on where the reader stands.

Inside an organisation the script prefix is `/o/<slug>/`, so a plain `reverse()` stays inside it. These
functions name the global pages, another organisation's pages, and absolute addresses.
"""

from typing import Any

from django.conf import settings
from django.urls import get_resolver


def global_url(name: str, *args: Any) -> str:
    """The path of a page outside every organisation (log-in, home)."""
    return "/" + get_resolver(settings.ROOT_URLCONF).reverse(name, *args)


def tenant_url(slug: str, name: str, *args: Any) -> str:
    """The path of a portal page of one organisation; `name` is the part after `portal:`."""
    resolver = get_resolver(settings.TENANT_URLCONF)
    prefix, portal = resolver.namespace_dict["portal"]
    return f"/o/{slug}/{prefix}{portal.reverse(name, *args)}"


def absolute(path: str) -> str:
    """The address that people and programs outside can open, built on DOCENT_PUBLIC_URL."""
    return f"{settings.DOCENT_PUBLIC_URL}{path}"
