"""`/api/v1/`, its schema and its documentation."""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from tenants.web.content_policy import frameworks_scripts

_docs = frameworks_scripts(SpectacularSwaggerSplitView.as_view(url_name="schema"))

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", _docs, name="api-docs"),
    path(
        "v1/",
        include(
            [
                path("", include("tenants.api.urls")),
                path("", include("documents.api.urls")),
                path("", include("retrieval.api.urls")),
                path("", include("conversations.api.urls")),
            ]
        ),
    ),
]
