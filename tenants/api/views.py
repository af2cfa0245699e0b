"""The base of the REST views, and `/me/`."""

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.access import Access
from tenants.api import preconditions
from tenants.api.idempotency import AnsweredBefore, attempt_of, keep_response, require_first
from tenants.api.pages import Pages
from tenants.limits.quotas import list_quota_states, read_use
from tenants.models import QuotaKind
from tenants.permissions import Action, Role, Scope
from tenants.services.idempotency import Attempt


class TenantView(APIView):
    """A view that acts for `self.access`. `actions_by_method` is its row of the permission table.

    A request that names an `Idempotency-Key` is carried out once: see `tenants.api.idempotency`. What it changes
    may have to be what it knows: see `tenants.api.preconditions`.
    """

    actions_by_method: ClassVar[dict[str, Action]] = {}

    # Of views that list: how their rows are ordered and cut into pages.
    pagination_class: ClassVar[type[Pages]] = Pages

    # Set once the request is found to be the first with its key.
    _attempt: Attempt | None = None

    @property
    def access(self) -> Access:
        return cast("Access", self.request.auth)

    def paged(self, rows: QuerySet[Any], serializer: type[serializers.Serializer[Any]]) -> Response:
        """The page of rows that the request's cursor names, as `results`, `next`, `previous`."""
        pages = self.pagination_class()
        found = pages.paginate_queryset(rows, self.request, view=self)
        shown = serializer(found, many=True, context={"access": self.access})
        return pages.get_paginated_response(shown.data)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not hasattr(self, (request.method or "").lower()):
            return  # 405, whatever else it says
        attempt = attempt_of(request, self.access)
        if attempt is not None:
            require_first(attempt)
            self._attempt = attempt
        # After that: what was changed once answers as it did then, although it is another thing since.
        if request.method in preconditions.CHANGING:
            self._require_match(request, *args, **kwargs)

    def _require_match(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Compare `If-Match` with what GET would answer."""
        read = getattr(self, "get", None)
        if read is not None:
            preconditions.hold(self.access, request)
        if "If-Match" not in request.headers:
            return
        current = None
        if read is not None:
            self.access.require(self.actions_by_method["GET"])
            answer = super().finalize_response(request, read(request, *args, **kwargs), *args, **kwargs)
            current = preconditions.tag_of(answer.render())
        preconditions.require_match(request, current)

    def handle_exception(self, exc: Exception) -> Response:
        return exc.answer if isinstance(exc, AnsweredBefore) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        if isinstance(response, Response):
            preconditions.tag(request, response.render())
        if self._attempt is not None:
            keep_response(self._attempt, response.render())
        return response


class TenantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class PersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()


class QuotaStateSerializer(serializers.Serializer[Any]):
    """A limit that binds one, alone (`person`) or together with everybody (`tenant`)."""

    kind = serializers.ChoiceField(choices=QuotaKind.choices())
    applies_to = serializers.ChoiceField(choices=[("tenant", "tenant"), ("person", "person")])
    amount = serializers.IntegerField()
    used = serializers.IntegerField()
    left = serializers.IntegerField()
    resets_at = serializers.DateTimeField(allow_null=True)


class LimitsSerializer(serializers.Serializer[Any]):
    requests_per_second = serializers.IntegerField()
    quotas = QuotaStateSerializer(many=True)


class MeSerializer(serializers.Serializer[Any]):
    tenant = TenantSerializer()
    user = PersonSerializer()
    role = serializers.ChoiceField(choices=Role.choices())
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=[(s.value, s.value) for s in Scope]))
    limits = LimitsSerializer()
    used = serializers.DictField(child=serializers.IntegerField(), help_text="One's own use, by kind of limit.")


class MeView(TenantView):
    actions_by_method = {"GET": Action.READ_SELF}

    @extend_schema(operation_id="me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who the token is: tenant, person, role, scopes, limits, and what is used of them."""
        access = self.access
        quotas = [state.view() for state in list_quota_states(access)]
        return Response(
            {
                "tenant": {"id": access.tenant_id, "name": access.tenant_name, "slug": access.tenant_slug},
                "user": {"id": access.user_id, "email": access.email},
                "role": access.role,
                "scopes": sorted(access.scopes),
                "limits": {"requests_per_second": access.rate_limit, "quotas": quotas},
                "used": read_use(access),
            }
        )
