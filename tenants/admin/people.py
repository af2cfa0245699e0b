"""Members, groups and invitations."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin_sites.model_admin import ServiceForm, TenantInline, TenantModelAdmin, access_of, adopt
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.models import Group, GroupMember, Invitation, Membership
from tenants.permissions import Action, Role
from tenants.selectors import list_groups, list_members, with_email
from tenants.services.groups import add_to_group, create_group, delete_group, remove_from_group, rename_group
from tenants.services.invitations import (
    LIFE,
    LONGEST,
    NewInvitation,
    create_invitation,
    resend_invitation,
    withdraw_invitation,
)
from tenants.services.members import change_role, remove_member


def grantable_roles(request: HttpRequest) -> list[tuple[str, str]]:
    """Nobody grants a role above their own."""
    return [(role.value, role.value) for role in Role if access_of(request).role.covers(role)]


@admin.register(Membership, site=tenant_admin)
class MembershipAdmin(TenantModelAdmin):
    """People join by invitation; owners are touched by owners alone."""

    change_action = delete_action = Action.MANAGE_MEMBERS
    portal_page = "settings-members"
    list_display = ("email", "name", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name")
    ordering = ("user__email",)
    fields = ("email", "name", "role", "created_at")
    readonly_fields = ("email", "name", "created_at")

    @admin.display(description=gettext_lazy("e-mail address"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @admin.display(description=gettext_lazy("name"), ordering="user__name")
    def name(self, membership: Membership) -> str:
        return membership.user.name

    def audited_id(self, obj: Membership) -> Any:
        return obj.user_id

    def consequences(self, obj: Membership) -> Sequence[str]:
        return (_("Their tokens, places in groups and access to collections. Their conversations stay unread."),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return list_members(access_of(request)).order_by(*self.ordering)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return super().has_change_permission(request) and self._is_covered(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return super().has_delete_permission(request) and self._is_covered(request, obj)

    @staticmethod
    def _is_covered(request: HttpRequest, obj: Membership | None) -> bool:
        return obj is None or access_of(request).role.covers(Role(obj.role))

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_choice_field(db_field, request, **kwargs, choices=grantable_roles(request))

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:  # noqa: FBT001
        change_role(access=access_of(request), user_id=obj.user_id, role=Role(obj.role))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        remove_member(access=access_of(request), user_id=obj.user_id)


class GroupMemberInline(TenantInline):
    model = GroupMember
    add_action = delete_action = Action.MANAGE_MEMBERS
    autocomplete_fields = ("membership",)
    verbose_name = gettext_lazy("member")
    verbose_name_plural = gettext_lazy("members")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("membership__user")


@admin.register(Group, site=tenant_admin)
class GroupAdmin(TenantModelAdmin):
    add_action = change_action = delete_action = Action.MANAGE_MEMBERS
    portal_page = "settings-groups"
    list_display = ("name", "member_total", "created_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name",)
    inlines = (GroupMemberInline,)

    @admin.display(description=gettext_lazy("members"), ordering="member_total")
    def member_total(self, group: Any) -> int:
        return int(group.member_total)

    def consequences(self, obj: Group) -> Sequence[str]:
        return (_("What it alone was given sight of leaves its members' sight."),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return list_groups(access_of(request)).order_by(*self.ordering)

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:  # noqa: FBT001
        access = access_of(request)
        if not change:
            adopt(obj, create_group(access=access, name=obj.name))
        elif form.has_changed():
            rename_group(access=access, group=obj, name=obj.name)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        access = access_of(request)
        for row in formset.save(commit=False):
            add_to_group(access=access, group=form.instance, user_id=row.membership.user_id)
        for row in formset.deleted_objects:
            remove_from_group(access=access, group=form.instance, user_id=row.membership.user_id)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        delete_group(access=access_of(request), group=obj)


class InvitationForm(ServiceForm):
    expires_in_days = forms.IntegerField(
        label=gettext_lazy("Expires in days"), initial=LIFE.days, min_value=1, max_value=LONGEST.days
    )


@admin.register(Invitation, site=tenant_admin)
class InvitationAdmin(TenantModelAdmin):
    """The link is shown once, to be handed on by hand; it is mailed as well."""

    add_action = Action.MANAGE_MEMBERS
    portal_page = "settings-members"
    list_display = ("email", "role", "state", "inviter", "created_at", "expires_at")
    list_filter = ("role",)
    search_fields = ("email",)
    ordering = ("-created_at",)
    actions = ("resend", "withdraw")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("email", "role", "expires_in_days")
        return ("email", "role", "state", "inviter", "created_at", "expires_at", "accepted_at")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's own signature
        # What is made is not changed any more: only the empty form asks for a term.
        return super().get_form(
            request, obj, change, **({"form": InvitationForm} if obj is None else {}), **kwargs
        )

    @admin.display(description=gettext_lazy("state"))
    def state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return _("accepted")
        if invitation.revoked_at:
            return _("withdrawn")
        return _("expired") if invitation.expires_at <= timezone.now() else _("open")

    @admin.display(description=gettext_lazy("invited by"))
    def inviter(self, invitation: Any) -> str:
        return str(invitation.invited_by_email or "-")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_email(super().get_queryset(request), "invited_by_id")

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_choice_field(db_field, request, **kwargs, choices=grantable_roles(request))

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:  # noqa: FBT001
        made = create_invitation(
            access=access_of(request),
            email=obj.email,
            role=Role(obj.role),
            expires_in=timedelta(days=form.cleaned_data["expires_in_days"]),
        )
        adopt(obj, made.invitation)
        self._show_link(request, made)

    def _show_link(self, request: HttpRequest, made: NewInvitation) -> None:
        said = _("The link for %(email)s, shown only now: %(url)s")
        self.message_user(request, said % {"email": made.invitation.email, "url": made.url}, messages.WARNING)

    @admin.action(description=gettext_lazy("Send a new link"))
    def resend(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        access = access_of(request)

        def act(invitation: Invitation) -> None:
            self._show_link(request, resend_invitation(access=access, invitation=invitation))

        self.for_each(request, queryset, act, _("{count} sent again."))

    @admin.action(description=gettext_lazy("Withdraw"))
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        access = access_of(request)
        self.for_each(
            request,
            queryset,
            lambda one: withdraw_invitation(access=access, invitation=one),
            _("{count} withdrawn."),
        )
