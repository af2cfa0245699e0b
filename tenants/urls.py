"""Pages of one organisation that are about itself; see `config.tenant_urls`."""

from django.urls import URLPattern, path

from tenants.views import audit, branding, data, groups, members, organisation, signin, tokens, usage, you

_MEMBER = "settings/members/<uuid:user>/"
_INVITATION = "settings/invitations/<uuid:invitation>/"
_EXPORT = "settings/data/exports/<uuid:export>/"
_GROUP = "settings/groups/<uuid:group>/"

urlpatterns: list[URLPattern] = [
    path("settings/", organisation.settings, name="settings"),
    path("settings/organisation/", organisation.organisation, name="settings-organisation"),
    path("settings/organisation/change/", organisation.change, name="organisation-change"),
    path("settings/organisation/leave/", organisation.leave, name="organisation-leave"),
    path("settings/organisation/brand/", branding.change, name="brand-change"),
    path("settings/organisation/logo/remove/", branding.no_logo, name="logo-remove"),
    path("logo/", branding.logo, name="logo"),
    path("settings/you/", you.you, name="settings-you"),
    path("settings/you/change/", you.change, name="you-change"),
    path("settings/you/theme/", you.theme, name="theme-change"),
    path("settings/members/", members.members, name="settings-members"),
    path(f"{_MEMBER}role/", members.change, name="member-role"),
    path(f"{_MEMBER}remove/", members.remove, name="member-remove"),
    path("settings/invitations/", members.invite, name="invitation-create"),
    path(f"{_INVITATION}resend/", members.resend, name="invitation-resend"),
    path(f"{_INVITATION}withdraw/", members.withdraw, name="invitation-withdraw"),
    path("settings/groups/", groups.groups, name="settings-groups"),
    path("settings/groups/create/", groups.create, name="group-create"),
    path(f"{_GROUP}rename/", groups.rename, name="group-rename"),
    path(f"{_GROUP}delete/", groups.delete, name="group-delete"),
    path(f"{_GROUP}members/", groups.add, name="group-member-add"),
    path(f"{_GROUP}members/<uuid:user>/remove/", groups.remove, name="group-member-remove"),
    path("settings/sign-in/", signin.sign_in_settings, name="settings-sign-in"),
    path("settings/sign-in/delete/", signin.sign_in_delete, name="sign-in-delete"),
    path("settings/audit/", audit.audit, name="settings-audit"),
    path("settings/audit/export/", audit.export, name="audit-export"),
    path("settings/data/", data.data, name="settings-data"),
    path("settings/data/export/", data.export_own, name="export-own"),
    path("settings/data/export-organisation/", data.export_organisation, name="export-organisation"),
    path(_EXPORT, data.export_file, name="export-file"),
    path(f"{_EXPORT}delete/", data.export_delete, name="export-delete"),
    path("settings/data/erase-own/", data.erase_own, name="erase-own"),
    path("settings/data/erase-organisation/", data.erase_organisation, name="erase-organisation"),
    path("settings/usage/", usage.usage, name="settings-usage"),
    path("settings/usage/usage.csv", usage.download, name="usage-csv"),
    path("settings/usage/tight/", usage.tight, name="usage-tight"),
    path("settings/usage/limits/", usage.set_limit, name="limit-set"),
    path("settings/usage/limits/<uuid:limit>/remove/", usage.remove_limit, name="limit-remove"),
    path("settings/tokens/", tokens.tokens, name="settings-tokens"),
    path("settings/tokens/create/", tokens.create, name="token-create"),
    path("settings/tokens/<uuid:token>/revoke/", tokens.revoke, name="token-revoke"),
]
