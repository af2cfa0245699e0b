"""The base of the REST views, and `/me/`."""

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.access import Access
from tenants.api.pages import Pages
from tenants.permissions import Action, Role, Scope
from tenants.selectors import get_tenant


class TenantView(APIView):
    """A view that acts for `self.access`. `actions_by_method` is its row of the permission table."""

    actions_by_method: ClassVar[dict[str, Action]] = {}

    # Of views that list: how their rows are ordered and cut into pages.
    pagination_class: ClassVar[type[Pages]] = Pages

    @property
    def access(self) -> Access:
        return cast("Access", self.request.auth)

    def paged(self, rows: QuerySet[Any], serializer: type[serializers.Serializer[Any]]) -> Response:
        """The page of rows that the request's cursor names, as `results`, `next`, `previous`."""
        pages = self.pagination_class()
        found = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(serializer(found, many=True).data)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class TenantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class PersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()


class LimitsSerializer(serializers.Serializer[Any]):
    requests_per_second = serializers.IntegerField()


class MeSerializer(serializers.Serializer[Any]):
    tenant = TenantSerializer()
    user = PersonSerializer()
    role = serializers.ChoiceField(choices=Role.choices())
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=[(s.value, s.value) for s in Scope]))
    limits = LimitsSerializer()


class MeView(TenantView):
    actions_by_method = {"GET": Action.READ_SELF}

    @extend_schema(operation_id="me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who the token is: tenant, person, role, scopes and limits."""
        access = self.access
        tenant = get_tenant(access.tenant_id)
        return Response(
            {
                "tenant": {"id": access.tenant_id, "name": access.tenant_name, "slug": access.tenant_slug},
                "user": {"id": access.user_id, "email": access.email},
                "role": access.role,
                "scopes": sorted(access.scopes),
                "limits": {"requests_per_second": tenant.rate_limit},
            }
        )
