"""`/tokens/`: what programs come with. A token's value stands in one answer only, that of making it."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import PersonSerializer, TenantView
from tenants.permissions import Action, Scope
from tenants.selectors import access_token, list_tenant_tokens, list_tokens
from tenants.services.tokens import create_token, revoke_token

_SCOPES = [(scope.value, scope.value) for scope in Scope]


class TokenSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    user = PersonSerializer()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=_SCOPES))
    collections = serializers.ListField(child=serializers.UUIDField(), allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="The bearer token, this once.")


class TokenInput(StrictSerializer):
    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=_SCOPES), required=False, allow_empty=False
    )
    collections = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=1000
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class TokensQuery(PageQuery):
    of = serializers.ChoiceField(choices=["me", "tenant"], default="me", help_text="`tenant` is for admins.")


def sent_token(data: Any) -> dict[str, Any]:
    """What a body or a form says, as `create_token` takes it."""
    body = TokenInput(data=data)
    body.is_valid(raise_exception=True)
    sent = dict(body.validated_data)
    if "scopes" in sent:
        sent["scopes"] = frozenset(map(Scope, sent["scopes"]))
    return sent


class TokensView(TenantView):
    actions_by_method = {"GET": Action.READ_OWN_TOKENS, "POST": Action.WRITE_OWN_TOKENS}

    @extend_schema(operation_id="tokens_list", parameters=[TokensQuery], responses=TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your tokens that are not revoked, oldest first."""
        query = TokensQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        visible = list_tenant_tokens if query.validated_data["of"] == "tenant" else list_tokens
        return self.paged(visible(self.access), TokenSerializer)

    @extend_schema(operation_id="tokens_create", request=TokenInput, responses={201: NewTokenSerializer})
    def post(self, request: Request) -> Response:
        """Make a token; its value is shown in this answer alone."""
        made = create_token(access=self.access, **sent_token(request.data))
        shown = TokenSerializer(access_token(self.access, made.token.id)).data
        return Response({**shown, "token": made.value}, status=status.HTTP_201_CREATED)


class TokenView(TenantView):
    actions_by_method = {"GET": Action.READ_OWN_TOKENS, "DELETE": Action.WRITE_OWN_TOKENS}

    @extend_schema(operation_id="tokens_read", responses=TokenSerializer)
    def get(self, request: Request, token_id: UUID) -> Response:
        """One of your tokens; for admins anybody's."""
        return Response(TokenSerializer(access_token(self.access, token_id)).data)

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke a token, at once."""
        revoke_token(access=self.access, token=access_token(self.access, token_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
