"""Pages and APIs outside every organisation's portal."""

from django.urls import URLPattern, URLResolver, include, path

from config.health import live, ready
from tenants.views import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("accounts/", include("allauth.account.urls")),
    path("health/live", live, name="health-live"),
    path("health/ready", ready, name="health-ready"),
    path("api/", include("config.api_urls")),
]
