"""Settings: groups of members."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.api.groups import GroupMemberInput
from tenants.models import GroupMember
from tenants.permissions import Action
from tenants.selectors import access_group, list_groups, list_members
from tenants.services.groups import add_to_group, create_group, delete_group, remove_from_group, rename_group
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-groups"


@require_safe
@portal_view(Action.MANAGE_MEMBERS)
def groups(request: HttpRequest, access: Access) -> HttpResponse:
    """Every group with its members, and whom each may still take in."""
    places = GroupMember.objects.select_related("membership__user").order_by("membership__user__email")
    people = [one.user for one in list_members(access).order_by("user__email")]
    rows = []
    for group in list_groups(access).prefetch_related(Prefetch("members", places)).order_by("name"):
        inside = [place.membership.user for place in group.members.all()]
        rows.append({"group": group, "members": inside, "others": [one for one in people if one not in inside]})
    return render_settings(request, access, PAGE, "settings/groups.html", {"groups": rows})


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def create(request: HttpRequest, access: Access) -> None:
    create_group(access=access, name=request.POST.get("name", ""))


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def rename(request: HttpRequest, access: Access, group: UUID) -> None:
    rename_group(access=access, group=access_group(access, group), name=request.POST.get("name", ""))
    messages.success(request, _("Saved."))


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def delete(request: HttpRequest, access: Access, group: UUID) -> None:
    found = access_group(access, group)
    delete_group(access=access, group=found)
    messages.success(request, _("The group {name} is deleted.").format(name=found.name))


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def add(request: HttpRequest, access: Access, group: UUID) -> None:
    found = access_group(access, group)
    body = GroupMemberInput(data={"user": request.POST.get("user", "")})
    body.is_valid(raise_exception=True)
    add_to_group(access=access, group=found, user_id=body.validated_data["user"])


@settings_form(Action.MANAGE_MEMBERS, page=PAGE)
def remove(request: HttpRequest, access: Access, group: UUID, user: UUID) -> None:
    remove_from_group(access=access, group=access_group(access, group), user_id=user)
