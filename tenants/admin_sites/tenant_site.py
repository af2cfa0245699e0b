"""An organisation's own administration, at `/o/<slug>/admin/`: Django's admin, seeing one tenant."""

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import BadRequest, ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, reverse
from django.utils.translation import gettext_lazy as _

from tenants.access import Access
from tenants.admin_sites.model_admin import TenantModelAdmin, access_of
from tenants.models import TenantModel
from tenants.permissions import Action
from tenants.web.content_policy import frameworks_scripts

# Log-in, log-out and passwords are global pages; “view on site” would follow any content type.
_PAGES = frozenset({"index", "autocomplete", "jsi18n", "app_list"})


class OfferedChoices(AutocompleteJsonView):
    """Completes what some form of the site leaves to completion, and no other field of any model."""

    admin_site: "TenantAdminSite"

    def process_request(self, request: HttpRequest) -> Any:
        asked = tuple(request.GET.get(name, "") for name in ("app_label", "model_name", "field_name"))
        if asked not in self.admin_site.completed_fields():
            raise PermissionDenied
        if "\0" in request.GET.get("term", ""):
            raise BadRequest("Null characters are not allowed.")
        return super().process_request(request)


class TenantAdminSite(AdminSite):
    """Runs inside the middleware's tenant unit; who lacks `MANAGE_TENANT` gets 403 everywhere.

    It stands at plain `admin/` of the tenant's URL configuration, so that `reverse()` yields
    `/o/<slug>/admin/…` by the script prefix.
    """

    index_title = _("Administration")
    site_title = _("Administration")
    final_catch_all_view = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Takes only what looks at one tenant: raises `ImproperlyConfigured` for anything else."""
        if admin_class is None or not issubclass(admin_class, TenantModelAdmin):
            raise ImproperlyConfigured("A tenant's administration is made of TenantModelAdmin.")
        for model in [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable:
            if not issubclass(model, TenantModel) and "get_queryset" not in vars(admin_class):
                raise ImproperlyConfigured(f"{model.__name__} is not the tenant's: say which rows are.")
        super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        access: Access | None = getattr(request, "access", None)
        return access is not None and access.allows(Action.MANAGE_TENANT)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's own signature
        protected = frameworks_scripts(super().admin_view(view, cacheable))

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not self.has_permission(request):
                raise PermissionDenied
            return protected(request, *args, **kwargs)

        return update_wrapper(inner, view)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [one for one in super().get_urls() if isinstance(one, URLResolver) or one.name in _PAGES]

    def completed_fields(self) -> set[tuple[str, ...]]:
        """App, model and name of each field whose choices are completed while one types."""
        pages = self._registry.values()
        forms: list[Any] = [*pages, *(inline for page in pages for inline in page.inlines)]
        return {
            (form.model._meta.app_label, str(form.model._meta.model_name), field)
            for form in forms
            for field in form.autocomplete_fields
        }

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return OfferedChoices.as_view(admin_site=self)(request)

    def each_context(self, request: Any) -> dict[str, Any]:
        return {
            **super().each_context(request),
            "site_header": access_of(request).tenant_name,
            "site_url": reverse("portal:chat"),
        }


tenant_admin = TenantAdminSite()
