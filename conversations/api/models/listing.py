"""The models there are, one of them tried or deleted, and how the organisation uses the servers."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from drf_spectacular.utils import extend_schema

from conversations.api.models.serializers import (
    ModelsSerializer,
    ServerChangeSerializer,
    ServersSerializer,
    TrialSerializer,
)
from conversations.chat_models import own_models
from conversations.chat_models.trial import try_listed
from conversations.model_management import delete_model, model_views, server_views, set_models
from tenants.access import Access
from tenants.api.asynchronous import json_body, json_response
from tenants.api.idempotency import answer_once
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.permissions import Action


class ModelsView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    @extend_schema(operation_id="models", responses=ModelsSerializer)
    async def get(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """The models that one may ask, server by server; those of servers that cannot be reached are missing."""
        own = await run_in_tenant(access.tenant_id, own_models)
        results = await model_views(access, own)
        return json_response({"next": None, "previous": None, "results": results})


class ModelView(TenantView):
    actions_by_method = {"DELETE": Action.MANAGE_TENANT}

    @extend_schema(operation_id="models_delete", responses={204: None})
    async def delete(self, request: HttpRequest, access: Access, model: str) -> HttpResponseBase:
        """Delete the model from its server, where the operator lets organisations do that."""

        async def work() -> HttpResponse:
            await delete_model(access, model)
            return HttpResponse(status=204)

        return await answer_once(request, access, None, work)


class TestView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="models_test", request=None, responses=TrialSerializer)
    async def post(self, request: HttpRequest, access: Access, model: str) -> HttpResponseBase:
        """Ask it something short: how fast it answers, or what is wrong."""

        async def work() -> JsonResponse:
            trial = await try_listed(access, model)
            return json_response(trial.view())

        return await answer_once(request, access, None, work)


class ServersView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "PATCH": Action.MANAGE_TENANT}

    @extend_schema(operation_id="model_servers", responses=ServersSerializer)
    async def get(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """The operator's model servers, and how the organisation uses them. Of a key only its end is told."""
        return json_response({"results": await server_views(access)})

    @extend_schema(
        operation_id="model_servers_change", request=ServerChangeSerializer, responses=ServersSerializer
    )
    async def patch(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """Change one of them: the key, whether it is used, which of its models may be, and the default one."""
        data = json_body(request, ServerChangeSerializer)

        async def work() -> JsonResponse:
            changes = {name: value for name, value in data.items() if name != "server"}
            await set_models(access, data["server"], cast("Any", changes))
            return json_response({"results": await server_views(access)})

        return await answer_once(request, access, data, work)
