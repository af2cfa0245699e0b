"""`/groups/`: members under a name, to whom access is given together."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Access
from tenants.api.members import MemberSerializer
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action
from tenants.selectors import access_group, list_group_members, list_groups
from tenants.services.groups import add_to_group, create_group, delete_group, remove_from_group, rename_group


class GroupSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    members = serializers.IntegerField(source="member_total")
    created_at = serializers.DateTimeField()


class GroupInput(StrictSerializer):
    name = serializers.CharField(max_length=80)


class GroupMemberInput(StrictSerializer):
    user = serializers.UUIDField()


def _shown(access: Access, group_id: UUID) -> dict[str, Any]:
    return dict(GroupSerializer(access_group(access, group_id)).data)


class GroupsView(TenantView):
    actions_by_method = {"GET": Action.READ_SELF, "POST": Action.MANAGE_MEMBERS}

    @extend_schema(operation_id="groups_list", parameters=[PageQuery], responses=GroupSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The organisation's groups, oldest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_groups(self.access), GroupSerializer)

    @extend_schema(operation_id="groups_create", request=GroupInput, responses={201: GroupSerializer})
    def post(self, request: Request) -> Response:
        """Make a group without members."""
        body = GroupInput(data=request.data)
        body.is_valid(raise_exception=True)
        group = create_group(access=self.access, name=body.validated_data["name"])
        return Response(_shown(self.access, group.id), status=status.HTTP_201_CREATED)


class GroupView(TenantView):
    actions_by_method = {
        "GET": Action.READ_SELF,
        "PATCH": Action.MANAGE_MEMBERS,
        "DELETE": Action.MANAGE_MEMBERS,
    }

    @extend_schema(operation_id="groups_read", responses=GroupSerializer)
    def get(self, request: Request, group_id: UUID) -> Response:
        """One group."""
        return Response(_shown(self.access, group_id))

    @extend_schema(operation_id="groups_rename", request=GroupInput, responses=GroupSerializer)
    def patch(self, request: Request, group_id: UUID) -> Response:
        """Rename a group."""
        group = access_group(self.access, group_id)
        body = GroupInput(data=request.data)
        body.is_valid(raise_exception=True)
        rename_group(access=self.access, group=group, name=body.validated_data["name"])
        return Response(_shown(self.access, group_id))

    @extend_schema(operation_id="groups_delete", responses={204: None})
    def delete(self, request: Request, group_id: UUID) -> Response:
        """Delete a group; what it was given sight of is no longer seen by it."""
        delete_group(access=self.access, group=access_group(self.access, group_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class GroupMembersView(TenantView):
    actions_by_method = {"GET": Action.MANAGE_MEMBERS, "POST": Action.MANAGE_MEMBERS}

    @extend_schema(
        operation_id="group_members_list", parameters=[PageQuery], responses=MemberSerializer(many=True)
    )
    def get(self, request: Request, group_id: UUID) -> Response:
        """Who is in the group."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        group = access_group(self.access, group_id)
        return self.paged(list_group_members(self.access, group), MemberSerializer)

    @extend_schema(operation_id="group_members_add", request=GroupMemberInput, responses={201: GroupSerializer})
    def post(self, request: Request, group_id: UUID) -> Response:
        """Put a member into the group."""
        group = access_group(self.access, group_id)
        body = GroupMemberInput(data=request.data)
        body.is_valid(raise_exception=True)
        add_to_group(access=self.access, group=group, user_id=body.validated_data["user"])
        return Response(_shown(self.access, group_id), status=status.HTTP_201_CREATED)


class GroupMemberView(TenantView):
    actions_by_method = {"DELETE": Action.MANAGE_MEMBERS}

    @extend_schema(operation_id="group_members_remove", responses={204: None})
    def delete(self, request: Request, group_id: UUID, user_id: UUID) -> Response:
        """Take a member out of the group."""
        remove_from_group(access=self.access, group=access_group(self.access, group_id), user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
