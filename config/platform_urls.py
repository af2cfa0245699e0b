"""Pages of the operator's web process: log-in, health and `/admin/`. No organisation's page, and no API."""

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from config.urls import pages
from tenants.admin_sites.platform_site import platform_admin

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", platform_admin.urls),
    *pages,
]
