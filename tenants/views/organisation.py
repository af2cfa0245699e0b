"""Settings: the organisation itself, and leaving it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.links import global_url
from tenants.permissions import Action
from tenants.portal import portal_view
from tenants.selectors import get_tenant
from tenants.services.members import remove_member
from tenants.services.organisations import change_organisation
from tenants.settings_pages import pages_of, render_settings, settings_form

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
    }
    return render_settings(request, access, PAGE, "settings/organisation.html", context)


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
