from django.urls import path

from retrieval.api.views import SearchView
from tenants.api.asynchronous import as_async_view

urlpatterns = [path("search/", as_async_view(SearchView), name="search")]
