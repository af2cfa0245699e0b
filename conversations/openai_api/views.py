"""OpenAI's operations over the services that every door has."""

from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema

from conversations.openai_api.answering import chunks, whole
from conversations.openai_api.asking import EMBEDDER, passing_of
from conversations.openai_api.catalogue import get_model, list_models
from conversations.openai_api.embeddings import embeddings
from conversations.openai_api.fields import ChatSerializer, EmbeddingsSerializer
from conversations.openai_api.shapes import Completion
from conversations.replies.questions_in_passing import begin, leave
from conversations.services.messages import Asked
from conversations.services.questions_in_passing import model_not_found
from tenants.access import Access
from tenants.api.asynchronous import event_stream, json_body, json_response
from tenants.api.idempotency import answer_once, attempt_of, replayed
from tenants.api.views import TenantView
from tenants.permissions import Action
from tenants.revocable_work import while_allowed


# Their schema is OpenAI's own.
@extend_schema(exclude=True)
class ModelsView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    async def get(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        return json_response({"object": "list", "data": await list_models(access)})


@extend_schema(exclude=True)
class ModelView(TenantView):
    actions_by_method = {"GET": Action.CHAT}

    async def get(self, request: HttpRequest, access: Access, model: str) -> HttpResponseBase:
        return json_response(await get_model(access, model))


@extend_schema(exclude=True)
class ChatView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    async def post(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        data = json_body(request, ChatSerializer)
        attempt = attempt_of(request, access, data)
        asked = await begin(access, passing_of(data), attempt)
        response = await _answer(request, access, asked, data)
        return replayed(response) if asked.question is None else response


async def _answer(request: HttpRequest, access: Access, asked: Asked, data: dict[str, Any]) -> HttpResponseBase:
    tells_usage = bool((data.get("stream_options") or {}).get("include_usage"))
    completion = Completion(asked.message_id, data["model"], tells_usage)
    if not data.get("stream"):
        try:
            answered = await while_allowed(access, whole(access, asked))
        finally:
            leave(asked)
        return json_response(completion.whole(answered))
    frames = chunks(request, access, asked, completion)
    # Once it has begun, whatever becomes of the response ends it, and it the reply.
    first = await anext(frames)
    return event_stream(access, _with_first(first, frames))


async def _with_first(first: str, frames: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for frame in frames:
        yield frame


@extend_schema(exclude=True)
class EmbeddingsView(TenantView):
    actions_by_method = {"POST": Action.CHAT}

    async def post(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        data = json_body(request, EmbeddingsSerializer)
        if data["model"] != EMBEDDER:
            raise model_not_found(data["model"])

        async def work() -> HttpResponse:
            is_base64 = data.get("encoding_format") == "base64"
            return json_response(await embeddings(access, data["input"], is_base64=is_base64))

        return await answer_once(request, access, data, work)
