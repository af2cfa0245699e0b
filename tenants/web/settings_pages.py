"""The pages under `/o/<slug>/settings/`: which there are, who sees them, their common frame and their forms."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from tenants.access import Access
from tenants.api.problems import as_docent_error
from tenants.errors import Conflict, InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import is_navigation, portal_view


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """`name` is the URL's within the portal; the page is listed for whoever may do `action`."""

    name: str
    label: Any
    action: Action


PAGES: tuple[SettingsPage, ...] = (
    SettingsPage("settings-you", _("You"), Action.READ_SELF),
    SettingsPage("settings-organisation", _("Organisation"), Action.READ_SELF),
    SettingsPage("settings-members", _("People"), Action.READ_SELF),
    SettingsPage("settings-groups", _("Groups"), Action.MANAGE_MEMBERS),
    SettingsPage("settings-assistants", _("Assistants"), Action.CHAT),
    SettingsPage("settings-prompts", _("Prompts"), Action.CHAT),
    SettingsPage("settings-sign-in", _("Sign-in"), Action.MANAGE_TENANT),
    SettingsPage("settings-models", _("Models"), Action.MANAGE_TENANT),
    SettingsPage("settings-conversations", _("Conversations"), Action.MANAGE_TENANT),
    SettingsPage("settings-masking", _("Personal data"), Action.MANAGE_TENANT),
    SettingsPage("settings-evaluations", _("Evaluation"), Action.MANAGE_TENANT),
    SettingsPage("settings-usage", _("Usage and limits"), Action.READ_SELF),
    SettingsPage("settings-audit", _("Audit log"), Action.READ_AUDIT),
    SettingsPage("settings-tokens", _("API tokens"), Action.READ_OWN_TOKENS),
    SettingsPage("settings-data", _("Your data"), Action.EXPORT_OWN),
)


def pages_of(access: Access) -> list[SettingsPage]:
    """The pages that this person may open, in the order in which they are listed."""
    return [one for one in PAGES if access.allows(one.action)]


def render_settings(
    request: HttpRequest, access: Access, page: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """One of the pages inside the frame: its `template` extends `settings/base.html`."""
    current = next(one for one in PAGES if one.name == page)
    frame = {"settings_pages": pages_of(access), "settings_page": current}
    return render(request, template, {**context, **frame}, status=status)


def settings_form(action: Action, *, page: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `view(request, access, …)` the target of a form that stands on a settings page.

    A view that returns nothing leads back to `page`. What a person filled in wrongly is said there, in a
    notice; other refusals, and those that a script gets, are as of every `portal_view`.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def sent(request: HttpRequest, access: Access, **kwargs: Any) -> HttpResponse:
            try:
                response: HttpResponse | None = view(request, access, **kwargs)
            except Exception as raised:
                error = as_docent_error(raised)
                if not isinstance(error, InvalidInput | Conflict) or not is_navigation(request):
                    raise
                transaction.set_rollback(True)
                messages.error(request, error.detail)
                response = None
            return response or redirect(reverse(f"portal:{page}"))

        return require_POST(portal_view(action)(sent))

    return decorate
