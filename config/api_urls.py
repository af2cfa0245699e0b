"""`/api/v1/`, its schema and its documentation."""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
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
