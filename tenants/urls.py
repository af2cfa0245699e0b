"""Pages of one organisation that are about itself; see `config.tenant_urls`."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
