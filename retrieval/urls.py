from django.urls import URLPattern, path

from retrieval import views

urlpatterns: list[URLPattern] = [path("documents/search/", views.search_page, name="documents-search")]
