"""`/members/`: who belongs to the organisation. An `id` is the person's."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.models import Membership
from tenants.permissions import Action, Role
from tenants.selectors import access_member, list_groups_of, list_members
from tenants.services.members import change_role, remove_member


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="user.id")
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(choices=Role.choices())


class GroupNameSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="group.id")
    name = serializers.CharField(source="group.name")


class MemberDetailSerializer(MemberSerializer):
    joined_at = serializers.DateTimeField(source="created_at")
    groups = GroupNameSerializer(many=True, source="named_groups")


class RoleInput(StrictSerializer):
    role = serializers.ChoiceField(choices=Role.choices())


class MembersView(TenantView):
    actions_by_method = {"GET": Action.READ_SELF}

    @extend_schema(operation_id="members_list", parameters=[PageQuery], responses=MemberSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Everybody in the organisation, longest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_members(self.access), MemberSerializer)


class MemberView(TenantView):
    # One's own membership one may end whatever the role; ending another's takes more, which the service asks.
    actions_by_method = {
        "GET": Action.MANAGE_MEMBERS,
        "PATCH": Action.MANAGE_MEMBERS,
        "DELETE": Action.LEAVE,
    }

    @extend_schema(operation_id="members_read", responses=MemberDetailSerializer)
    def get(self, request: Request, user_id: UUID) -> Response:
        """One member, with their groups."""
        return Response(self._shown(access_member(self.access, user_id)))

    @extend_schema(operation_id="members_change", request=RoleInput, responses=MemberDetailSerializer)
    def patch(self, request: Request, user_id: UUID) -> Response:
        """Change a member's role: none above your own, and owners only as an owner."""
        access_member(self.access, user_id)
        body = RoleInput(data=request.data)
        body.is_valid(raise_exception=True)
        change_role(access=self.access, user_id=user_id, role=Role(body.validated_data["role"]))
        return Response(self._shown(access_member(self.access, user_id)))

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, user_id: UUID) -> Response:
        """Remove a member, or leave. The last owner stays: 409 `last_owner`."""
        remove_member(access=self.access, user_id=access_member(self.access, user_id).user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _shown(self, membership: Membership) -> dict[str, Any]:
        membership.named_groups = list_groups_of(self.access, membership).order_by("group__name")  # type: ignore[attr-defined]
        return dict(MemberDetailSerializer(membership).data)
