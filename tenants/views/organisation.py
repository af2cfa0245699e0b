"""Settings: the organisation itself, and leaving it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.addresses.links import global_url
from tenants.permissions import Action
from tenants.presentation.accent_colours import DARK, DOCENTS, LIGHT, is_colour, palette_of
from tenants.selectors import get_tenant
from tenants.services.members import remove_member
from tenants.services.organisations import change_organisation
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import pages_of, render_settings, settings_form

PAGE = "settings-organisation"


@require_safe
@portal_view(Action.READ_SELF)
def settings(request: HttpRequest, access: Access) -> HttpResponse:
    """To the first of the pages that the person may open."""
    return redirect(reverse(f"portal:{pages_of(access)[0].name}"))


@require_safe
@portal_view(Action.READ_SELF)
def organisation(request: HttpRequest, access: Access) -> HttpResponse:
    """What the organisation is; for admins, a form of what they decide about it."""
    found = get_tenant(access.tenant_id)
    context = {
        "organisation": found,
        "sample_questions": "\n".join(found.sample_questions),
        "can_change": access.allows(Action.MANAGE_TENANT),
        **_contrasts(request.GET.get("accent", "") or found.accent),
    }
    return render_settings(request, access, PAGE, "settings/organisation.html", context)


def _contrasts(asked_for: str) -> dict[str, Any]:
    """How a colour, Docent's own where none is chosen, reads in each theme."""
    colour = asked_for if is_colour(asked_for) else DOCENTS
    palette = palette_of(colour)
    shades = [(_("Light"), palette.light, LIGHT.surface), (_("Dark"), palette.dark, DARK.surface)]
    contrasts = [{"name": name, "shade": shade, "ground": ground} for name, shade, ground in shades]
    return {"colour": colour, "contrasts": contrasts}


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def change(request: HttpRequest, access: Access) -> None:
    change_organisation(
        access=access,
        name=request.POST.get("name", ""),
        sample_questions=request.POST.get("sample_questions", "").splitlines(),
        admins_read_conversations="admins_read_conversations" in request.POST,
        members_may_share="members_may_share" in request.POST,
    )
    messages.success(request, _("Saved."))


@settings_form(Action.LEAVE, page=PAGE)
def leave(request: HttpRequest, access: Access) -> HttpResponse:
    remove_member(access=access, user_id=access.user_id)
    messages.success(request, _("You have left {name}.").format(name=access.tenant_name))
    return redirect(global_url("home"))
