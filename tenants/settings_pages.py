"""The pages under `/o/<slug>/settings/`: which there are, who sees them, and their common frame."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.access import Access
from tenants.permissions import Action


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """`name` is the URL's within the portal; the page is listed for whoever may do `action`."""

    name: str
    label: Any
    action: Action


PAGES: tuple[SettingsPage, ...] = ()


def render_settings(
    request: HttpRequest, access: Access, page: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """One of the pages inside the frame: its `template` extends `settings/base.html`."""
    pages = [one for one in PAGES if access.allows(one.action)]
    current = next(one for one in PAGES if one.name == page)
    return render(request, template, {**context, "settings_pages": pages, "settings_page": current}, status=status)
