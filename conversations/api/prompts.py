"""`/prompts/`: what people keep to ask again."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.selectors.prompts import access_prompt, list_prompts
from conversations.services.prompts import (
    MAX_TEXT,
    MAX_TITLE,
    change_prompt,
    delete_prompt,
    require_change,
    save_prompt,
)
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action


class PromptSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    text = serializers.CharField(help_text="`{{name}}` is a place to fill in.")
    is_shared = serializers.BooleanField(help_text="Seen by the whole organisation.")
    author = serializers.UUIDField(source="author_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PromptChange(StrictSerializer):
    """What may be changed; what is left out stays."""

    title = serializers.CharField(max_length=MAX_TITLE, required=False)
    text = serializers.CharField(max_length=MAX_TEXT, required=False)
    is_shared = serializers.BooleanField(required=False)


class PromptInput(PromptChange):
    title = serializers.CharField(max_length=MAX_TITLE)
    text = serializers.CharField(max_length=MAX_TEXT)


class PromptsView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "POST": Action.WRITE_PROMPTS}

    @extend_schema(operation_id="prompts_list", parameters=[PageQuery], responses=PromptSerializer(many=True))
    def get(self, request: Request) -> Response:
        """One's own prompts and those that the organisation shares, oldest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_prompts(self.access), PromptSerializer)

    @extend_schema(operation_id="prompts_create", request=PromptInput, responses={201: PromptSerializer})
    def post(self, request: Request) -> Response:
        """Keep a prompt; members may share it."""
        body = PromptInput(data=request.data)
        body.is_valid(raise_exception=True)
        prompt = save_prompt(access=self.access, **body.validated_data)
        return Response(PromptSerializer(prompt).data, status=status.HTTP_201_CREATED)


class PromptView(TenantView):
    actions_by_method = {"GET": Action.CHAT, "PATCH": Action.WRITE_PROMPTS, "DELETE": Action.WRITE_PROMPTS}

    @extend_schema(operation_id="prompts_read", responses=PromptSerializer)
    def get(self, request: Request, prompt: UUID) -> Response:
        """One prompt."""
        return Response(PromptSerializer(access_prompt(self.access, prompt)).data)

    @extend_schema(operation_id="prompts_change", request=PromptChange, responses=PromptSerializer)
    def patch(self, request: Request, prompt: UUID) -> Response:
        """Change a prompt, share it or keep it to oneself again."""
        found = access_prompt(self.access, prompt)
        require_change(self.access, found)
        body = PromptChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = change_prompt(access=self.access, prompt=found, **body.validated_data)
        return Response(PromptSerializer(changed).data)

    @extend_schema(operation_id="prompts_delete", responses={204: None})
    def delete(self, request: Request, prompt: UUID) -> Response:
        """Delete a prompt."""
        delete_prompt(access=self.access, prompt=access_prompt(self.access, prompt))
        return Response(status=status.HTTP_204_NO_CONTENT)
