"""Models that are fetched: begun, followed by any number of readers, cancelled."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conversations import model_pulls
from conversations.api.models.serializers import (
    BegunPullSerializer,
    NewPullSerializer,
    PullSerializer,
    PullsSerializer,
)
from conversations.model_management import pull_model
from conversations.services.model_pulls import access_pull, cancel_pull, list_pulls, pull_view
from tenants.access import Access
from tenants.addresses.links import absolute
from tenants.api.asynchronous import event_stream, json_body, json_response
from tenants.api.idempotency import answer_once, attempt_of
from tenants.api.streams import LAST_EVENT, events
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.permissions import Action

_EVENTS = events(
    "How far it is, numbered, up to done, failed or cancelled.",
    pull={
        "pull": "uuid",
        "model": "string",
        "status": "string",
        "stage": "string",
        "completed": "integer?",
        "total": "integer?",
        "error": "object?",
    },
)


class PullsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="pulls", responses=PullsSerializer)
    def get(self, request: Request) -> Response:
        """The latest models that were fetched or are."""
        return Response({"results": [pull_view(one) for one in list_pulls(self.access)]})

    @extend_schema(
        operation_id="pulls_create",
        parameters=[
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, enum=["respond-async"], description="202.")
        ],
        request=NewPullSerializer,
        responses={(200, "text/event-stream"): _EVENTS, 202: BegunPullSerializer},
    )
    async def post(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """Fetch a model and tell how far it is; `Prefer: respond-async` answers 202. It goes on without readers.

        A model that is being fetched already is not fetched twice: this reads along.
        """
        data = json_body(request, NewPullSerializer)
        if "respond-async" not in request.headers.get("Prefer", ""):
            attempt_of(request, access, data)  # a key that is none is refused; any other changes nothing
            pull = await pull_model(access, data["model"], data.get("server", ""))
            return event_stream(access, model_pulls.frames(access, pull.id, 0))

        async def work() -> HttpResponse:
            pull = await pull_model(access, data["model"], data.get("server", ""))
            events_url = absolute(f"/api/v1/models/pull/{pull.id}/events/")
            return json_response({**pull_view(pull), "events_url": events_url}, status=202)

        return await answer_once(request, access, data, work)


class PullView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "DELETE": Action.MANAGE_TENANT}

    @extend_schema(operation_id="pulls_read", responses=PullSerializer)
    def get(self, request: Request, pull: UUID) -> Response:
        return Response(pull_view(access_pull(self.access, pull)))

    @extend_schema(operation_id="pulls_cancel", responses={202: PullSerializer})
    def delete(self, request: Request, pull: UUID) -> Response:
        """Stop fetching it within about a second. What has come is kept for the next time. Over already: 409."""
        return Response(pull_view(cancel_pull(access=self.access, pull_id=pull)), status=202)


class PullEventsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT}

    @extend_schema(
        operation_id="pulls_events",
        parameters=[LAST_EVENT],
        responses={(200, "text/event-stream"): _EVENTS},
    )
    async def get(self, request: HttpRequest, access: Access, pull: UUID) -> HttpResponseBase:
        """How far it is, from the state after the one that one has."""
        number = model_pulls.number_of(request.headers.get("Last-Event-ID"))
        await run_in_tenant(access.tenant_id, access_pull, access, pull)
        return event_stream(access, model_pulls.frames(access, pull, number))
