"""`/invitations/`: places kept for e-mail addresses."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action, Role
from tenants.selectors import access_invitation, list_invitations
from tenants.services.invitations import (
    LIFE,
    LONGEST,
    NewInvitation,
    create_invitation,
    resend_invitation,
    withdraw_invitation,
)


class InvitationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices())
    invited_by = serializers.UUIDField(source="invited_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class NewInvitationSerializer(InvitationSerializer):
    url = serializers.URLField(help_text="The link, this once. It was sent to the address too.")


class InvitationInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices())
    expires_in_days = serializers.IntegerField(default=LIFE.days, min_value=1, max_value=LONGEST.days)


def sent_invitation(data: Any) -> dict[str, Any]:
    """What a body or a form says, as `create_invitation` takes it."""
    body = InvitationInput(data=data)
    body.is_valid(raise_exception=True)
    sent = body.validated_data
    return {
        "email": sent["email"],
        "role": Role(sent["role"]),
        "expires_in": timedelta(days=sent["expires_in_days"]),
    }


def _shown(made: NewInvitation) -> dict[str, Any]:
    return {**InvitationSerializer(made.invitation).data, "url": made.url}


class InvitationsView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_MEMBERS, "POST": Action.MANAGE_MEMBERS}

    @extend_schema(
        operation_id="invitations_list", parameters=[PageQuery], responses=InvitationSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Invitations that were neither accepted nor withdrawn, oldest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_invitations(self.access), InvitationSerializer)

    @extend_schema(
        operation_id="invitations_create", request=InvitationInput, responses={201: NewInvitationSerializer}
    )
    def post(self, request: Request) -> Response:
        """Invite an address with a role that is not above your own."""
        made = create_invitation(access=self.access, **sent_invitation(request.data))
        return Response(_shown(made), status=status.HTTP_201_CREATED)


class InvitationView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_MEMBERS, "DELETE": Action.MANAGE_MEMBERS}

    @extend_schema(operation_id="invitations_read", responses=InvitationSerializer)
    def get(self, request: Request, invitation_id: UUID) -> Response:
        """One invitation that waits."""
        return Response(InvitationSerializer(access_invitation(self.access, invitation_id)).data)

    @extend_schema(operation_id="invitations_withdraw", responses={204: None})
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        """Withdraw it: the link is worthless from now on."""
        withdraw_invitation(access=self.access, invitation=access_invitation(self.access, invitation_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResendView(TenantView):
    actions_by_method = {"POST": Action.MANAGE_MEMBERS}

    @extend_schema(operation_id="invitations_resend", request=None, responses=NewInvitationSerializer)
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Send a new link, good for seven days; the one before is worthless."""
        found = access_invitation(self.access, invitation_id)
        return Response(_shown(resend_invitation(access=self.access, invitation=found)))
