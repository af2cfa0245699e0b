"""Settings: the people of an organisation and who is invited to it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.api.invitations import sent_invitation
from tenants.api.members import RoleInput
from tenants.models import Membership
from tenants.permissions import Action, Role
from tenants.selectors import access_invitation, access_member, list_invitations, list_members
from tenants.services.invitations import (
    LIFE,
    NewInvitation,
    create_invitation,
    resend_invitation,
    withdraw_invitation,
)
from tenants.services.members import change_role, remove_member
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-members"


@require_safe
@portal_view(Action.READ_SELF)
def members(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access)


def _page(request: HttpRequest, access: Access, invited: NewInvitation | None = None) -> HttpResponse:
    """Everybody; for admins the invitations too, and the link of one that was just `invited`."""
    is_admin = access.allows(Action.MANAGE_MEMBERS)
    rows = list_members(access).order_by("user__email")
    context = {
        "members": [_row(access, membership) for membership in rows],
        "is_admin": is_admin,
        "roles": _grantable(access),
        "invitations": list_invitations(access).order_by("created_at", "id") if is_admin else [],
        "invited": invited,
        "now": timezone.now(),
        "default_days": LIFE.days,
    }
    return render_settings(request, access, PAGE, "settings/members.html", context)


def _row(access: Access, membership: Membership) -> dict[str, Any]:
    grantable = _grantable(access)
    return {
        "id": membership.user_id,
        "name": membership.user.name,
        "email": membership.user.email,
        "role": membership.role,
        "joined_at": membership.created_at,
        "is_self": membership.user_id == access.user_id,
        # Whom one may not touch has no buttons.
        "can_change": membership.role in grantable,
    }


def _grantable(access: Access) -> list[Role]:
    """The roles that this person may give and take."""
    if access.allows(Action.MANAGE_OWNERS):
        return list(Role)
    return [Role.VIEWER, Role.MEMBER, Role.ADMIN] if access.allows(Action.MANAGE_MEMBERS) else []


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def change(request: HttpRequest, access: Access, user: UUID) -> None:
    member = access_member(access, user)
    body = RoleInput(data={"role": request.POST.get("role", "")})
    body.is_valid(raise_exception=True)
    changed = change_role(access=access, user_id=member.user_id, role=Role(body.validated_data["role"]))
    messages.success(
        request,
        _("{email} is now: {role}.").format(email=member.user.email, role=changed.get_role_display()),
    )


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def remove(request: HttpRequest, access: Access, user: UUID) -> None:
    member = access_member(access, user)
    remove_member(access=access, user_id=member.user_id)
    messages.success(request, _("{email} does not belong here any more.").format(email=member.user.email))


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def invite(request: HttpRequest, access: Access) -> HttpResponse:
    """Sends the invitation and shows its link, this once."""
    form = {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    return _page(request, access, create_invitation(access=access, **sent_invitation(form)))


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def resend(request: HttpRequest, access: Access, invitation: UUID) -> HttpResponse:
    found = access_invitation(access, invitation)
    return _page(request, access, resend_invitation(access=access, invitation=found))


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def withdraw(request: HttpRequest, access: Access, invitation: UUID) -> None:
    found = access_invitation(access, invitation)
    withdraw_invitation(access=access, invitation=found)
    messages.success(request, _("The invitation for {email} is withdrawn.").format(email=found.email))
