"""Turns: another answer, a question put otherwise, a cut answer gone on with. Answered as questions are."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import extend_schema

from conversations.answering.continuation_model import model_to_go_on
from conversations.api.messages import EVENTS, PREFER, respond
from conversations.api.serializers import (
    EditSerializer,
    MessageSerializer,
    NothingSerializer,
    PendingSerializer,
    RegenerateSerializer,
)
from conversations.chat_models import chooser
from conversations.replies import runner
from conversations.services.messages import Asked
from conversations.services.turns import continue_reply, edit_question, regenerate_reply
from tenants.access import Access
from tenants.api.asynchronous import json_body
from tenants.api.idempotency import attempt_of
from tenants.api.views import TenantView
from tenants.db import run_unit
from tenants.permissions import Action

_RESPONSES = {201: MessageSerializer, 202: PendingSerializer, (200, "text/event-stream"): EVENTS}


class RegenerateView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(
        operation_id="messages_regenerate", parameters=[PREFER], request=RegenerateSerializer, responses=_RESPONSES
    )
    async def post(self, request: HttpRequest, access: Access, message: UUID) -> HttpResponseBase:
        """Another answer to the same question, beside this one. While one is written: 409 `still_running`."""
        data = json_body(request, RegenerateSerializer, is_optional=True)
        attempt = attempt_of(request, access, data)
        await chooser().require(access, data["model"])
        service = partial(regenerate_reply, message_id=message, model=data["model"], attempt=attempt)
        return await _answered(request, access, service)


class EditView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="messages_edit", parameters=[PREFER], request=EditSerializer, responses=_RESPONSES)
    async def post(self, request: HttpRequest, access: Access, question: UUID) -> HttpResponseBase:
        """Ask otherwise: a new question beside this one, with its answer; the old branch stays."""
        data = json_body(request, EditSerializer)
        attempt = attempt_of(request, access, data)
        service = partial(edit_question, question_id=question, content=data["content"], attempt=attempt)
        return await _answered(request, access, service)


class ContinueView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    @extend_schema(operation_id="messages_continue", parameters=[PREFER], request=None, responses=_RESPONSES)
    async def post(self, request: HttpRequest, access: Access, message: UUID) -> HttpResponseBase:
        """Go on with an answer that was cut: the same message, from where it stops. Not cut: 409 `not_cut`."""
        json_body(request, NothingSerializer, is_optional=True)
        attempt = attempt_of(request, access)
        await runner.settle(access, message)
        model = await model_to_go_on(access, message)
        service = partial(continue_reply, message_id=message, model=model, attempt=attempt)
        return await _answered(request, access, service)


async def _answered(request: HttpRequest, access: Access, service: Callable[..., Asked]) -> HttpResponseBase:
    asked = await run_unit(lambda: service(access=access, process_id=runner.writing_process()))
    runner.start(asked)
    return await respond(request, access, asked)
