"""`/models/`. A model's id stands in the path as it is, slashes and colons too."""

from django.urls import path

from conversations.api.models.listing import ModelsView, ModelView, ServersView, TestView
from conversations.api.models.pulls import PullEventsView, PullsView, PullView
from tenants.api.asynchronous import as_async_view

_PULL = "models/pull/<uuid:pull>/"

urlpatterns = [
    path("models/", as_async_view(ModelsView), name="models"),
    path("models/servers/", as_async_view(ServersView), name="model-servers"),
    path("models/pull/", as_async_view(PullsView), name="pulls"),
    path(_PULL, PullView.as_view(), name="pull"),
    path(f"{_PULL}events/", as_async_view(PullEventsView), name="pull-events"),
    path("models/<path:model>/test/", as_async_view(TestView), name="model-test"),
    path("models/<path:model>/", as_async_view(ModelView), name="model"),
]
