"""Pages of one organisation: the middleware has taken `/o/<slug>` off the path before these match."""

from django.urls import URLPattern, URLResolver, include, path

from conversations import urls as conversation_urls
from documents import urls as document_urls
from retrieval import urls as retrieval_urls
from tenants import urls as tenant_urls
from tenants.admin_sites.tenant_site import tenant_admin

portal = [
    *conversation_urls.urlpatterns,
    *retrieval_urls.urlpatterns,
    *document_urls.urlpatterns,
    *tenant_urls.urlpatterns,
]
handler500 = "tenants.web.middleware.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((portal, "portal"))),
    path("admin/", tenant_admin.urls),
]
