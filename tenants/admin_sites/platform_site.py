"""The operator's administration of the installation, at `/admin/` of a web process of its own.

It knows organisations, accounts and numbers, and registers nothing that organisations own. The process serves
no organisation's pages, and as `docent_app` without a tenant's context it would see none of their rows.
"""

from functools import update_wrapper
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext_lazy as _

from tenants.admin_sites.installation import parts_of_installation
from tenants.admin_sites.model_admin import OfferedLookups
from tenants.models import TenantModel, User
from tenants.signin.sessions import organisation_of
from tenants.web.content_policy import frameworks_scripts

if TYPE_CHECKING:
    from collections.abc import Callable

# Log-in, log-out and passwords are pages of their own; “view on site” would follow any content type.
_PAGES = frozenset({"index", "jsi18n", "app_list"})


class PlatformModelAdmin(OfferedLookups):
    """Looked at, and changed by actions alone."""

    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """Without the pages of what nobody may do."""
        return [one for one in super().get_urls() if one.name and not one.name.endswith(("_add", "_delete"))]


class PlatformAdminSite(AdminSite):
    """For staff who are superusers and gave a second factor in this session; to others it is 403."""

    index_title = _("Installation")
    site_title = site_header = _("Docent platform")
    site_url = None
    index_template = "admin/platform_index.html"
    final_catch_all_view = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Raises `ImproperlyConfigured` for what organisations own."""
        for model in [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable:
            if issubclass(model, TenantModel) or not issubclass(admin_class or object, PlatformModelAdmin):
                raise ImproperlyConfigured(f"{model.__name__} is not for the operator to see.")
        super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return is_operator(request) and gave_second_factor(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's own signature
        protected: Callable[..., Any] = frameworks_scripts(super().admin_view(view, cacheable))

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(request.user, User):
                return redirect_to_login(request.get_full_path())
            if not is_operator(request):
                raise PermissionDenied
            if not gave_second_factor(request):
                return _to_second_factor(request, request.user)
            return protected(request, *args, **kwargs)

        return update_wrapper(inner, view)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        pages = [one for one in super().get_urls() if isinstance(one, URLResolver) or one.name in _PAGES]
        return [path("health/", self.admin_view(self.health), name="health"), *pages]

    def health(self, request: HttpRequest) -> TemplateResponse:
        """What the installation is made of, and how each part is."""
        context = {**self.each_context(request), "title": _("Health"), "parts": parts_of_installation()}
        return TemplateResponse(request, "admin/platform_health.html", context)


def is_operator(request: HttpRequest) -> bool:
    """Staff and superuser, and not because some organisation's sign-in provider says who it is."""
    user = request.user
    return user.is_active and user.is_staff and user.is_superuser and organisation_of(request) is None


def gave_second_factor(request: HttpRequest) -> bool:
    """Whether one of the person's present second factors was used in this session."""
    records = get_authentication_records(request, request.user)
    used = [record["id"] for record in records if record.get("method") == "mfa" and "id" in record]
    return bool(Authenticator.objects.filter(user=request.user.pk, id__in=used).exists())


def _to_second_factor(request: HttpRequest, user: User) -> HttpResponseRedirect:
    """Where it is given, or set up first."""
    has_one = Authenticator.objects.filter(user=user).exists()
    page = reverse("mfa_reauthenticate" if has_one else "mfa_index")
    return HttpResponseRedirect(f"{page}?{urlencode({'next': request.get_full_path()})}")


platform_admin = PlatformAdminSite()
