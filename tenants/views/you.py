"""Settings: how a person has the portal, in whatever organisation."""

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenants.access import Access
from tenants.context_processors import CHOSEN_THEME, THEME
from tenants.models import Announcing, Theme, User
from tenants.permissions import Action
from tenants.presentation.time_zones import zones_by_region
from tenants.services.people import change_own_settings, choose_theme
from tenants.signin.sessions import organisation_of
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-you"
_YEAR = 365 * 24 * 3600


@require_safe
@portal_view(Action.READ_SELF)
def you(request: HttpRequest, access: Access) -> HttpResponse:
    context = {
        "person": _user(request),
        "can_rename": organisation_of(request) is None,
        "languages": [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES],
        "regions": zones_by_region(),
    }
    return render_settings(request, access, PAGE, "settings/you.html", context)


@settings_form(Action.CHANGE_SELF, page=PAGE)
def change(request: HttpRequest, access: Access) -> HttpResponse:
    user, sent = _user(request), request.POST
    # The name stands in every organisation: where only one vouches for the person, it stays.
    name = sent.get("name", "") if organisation_of(request) is None else user.name
    change_own_settings(
        user=user,
        name=name,
        theme=sent.get("theme", Theme.SYSTEM),
        language=sent.get("language", ""),
        time_zone=sent.get("time_zone", ""),
        announcing=sent.get("announcing", Announcing.WHOLE),
        reduces_streaming="reduces_streaming" in sent,
        uses_shortcuts="uses_shortcuts" in sent,
    )
    messages.success(request, _("Saved."))
    return _remembered(redirect(reverse(f"portal:{PAGE}")), user)


@require_POST
@portal_view(Action.CHANGE_SELF)
def theme(request: HttpRequest, access: Access) -> HttpResponse:
    """From the menu of every page."""
    user = _user(request)
    choose_theme(user=user, theme=request.POST.get("theme", ""))
    return _remembered(HttpResponse(status=HTTPStatus.NO_CONTENT), user)


def _remembered(response: HttpResponse, user: User) -> HttpResponse:
    """For the pages that are seen before logging in, this browser keeps the theme."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(THEME, user.theme, max_age=_YEAR, samesite="Lax", secure=secure)
    response.delete_cookie(CHOSEN_THEME, samesite="Lax")
    return response


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
