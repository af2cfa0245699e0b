"""What opens the organisation's doors: API tokens and its sign-in provider. Secrets are never shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin_sites.model_admin import TenantModelAdmin, access_of
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.models import ApiToken, SignInProvider
from tenants.services.tokens import revoke_token


@admin.register(ApiToken, site=tenant_admin)
class ApiTokenAdmin(TenantModelAdmin):
    portal_page = "settings-tokens"
    list_display = ("name", "person", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("name", "user__email")
    ordering = ("-created_at",)
    list_select_related = ("user",)
    fields = ("name", "person", "scopes", "collections", "created_at", "expires_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    @admin.display(description=gettext_lazy("person"), ordering="user__email")
    def person(self, token: ApiToken) -> str:
        return token.user.email

    @admin.action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        access = access_of(request)
        self.for_each(
            request, queryset, lambda token: revoke_token(access=access, token=token), _("{count} revoked.")
        )


@admin.register(SignInProvider, site=tenant_admin)
class SignInProviderAdmin(TenantModelAdmin):
    """Changed in the settings, where its secret is typed in."""

    portal_page = "settings-sign-in"
    list_display = ("name", "issuer", "role", "is_enabled")
    fields = ("name", "issuer", "client_id", "domains", "role", "is_enabled", "created_at")
