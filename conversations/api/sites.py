"""`/sites/`: web sites whose visitors may ask."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.default_personas import MAX_QUESTION, MAX_QUESTIONS
from conversations.models import Site, Visitors
from conversations.selectors.sites import access_site, list_sites, public_key, snippet
from conversations.services.sites import (
    MAX_GREETING,
    MAX_NAME,
    MAX_ORIGINS,
    MOST,
    SiteFields,
    change_site,
    create_site,
    delete_site,
    rotate_key,
    rotate_secret,
)
from tenants.api.pages import PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.permissions import Action

_LONGEST_ORIGIN = 255


class SiteSerializer(serializers.Serializer[Any]):
    """A row of `list_sites`."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    key = serializers.SerializerMethodField(help_text="What pages name it by; no secret.")
    snippet = serializers.SerializerMethodField(help_text="What is pasted into a page.")
    origins = serializers.ListField(child=serializers.CharField())
    collections = serializers.SerializerMethodField()
    persona = serializers.UUIDField(source="persona_id", allow_null=True)
    greeting = serializers.CharField()
    sample_questions = serializers.ListField(child=serializers.CharField())
    accent = serializers.CharField()
    visitors = serializers.ChoiceField(choices=Visitors.choices())
    visitor_hour = serializers.IntegerField()
    address_hour = serializers.IntegerField()
    site_day = serializers.IntegerField()
    retention_days = serializers.IntegerField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_key(self, site: Site) -> str:
        return public_key(site)

    def get_snippet(self, site: Site) -> str:
        return snippet(site)

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_collections(self, site: Site) -> list[str]:
        return [str(link.collection_id) for link in site.chosen_collections.all()]


class SiteWithSecret(SiteSerializer):
    secret = serializers.CharField(
        required=False,
        help_text="Told once, where one was made: the site's server signs its visitors' JWTs with it.",
    )


def _number(name: str, unit: str) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=MOST[name], required=False, help_text=unit)


class SiteChange(StrictSerializer):
    """What may be changed; what is left out stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    origins = serializers.ListField(
        child=serializers.CharField(max_length=_LONGEST_ORIGIN),
        max_length=MAX_ORIGINS,
        required=False,
        help_text="Whose pages may show it: scheme and host, exactly.",
    )
    collections = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=100,
        required=False,
        help_text="What its visitors ask: exactly these, at least one.",
    )
    persona = serializers.CharField(
        max_length=60, required=False, allow_null=True, help_text="An assistant's id or slug."
    )
    greeting = serializers.CharField(max_length=MAX_GREETING, required=False, allow_blank=True)
    sample_questions = serializers.ListField(
        child=serializers.CharField(max_length=MAX_QUESTION), max_length=MAX_QUESTIONS, required=False
    )
    accent = serializers.CharField(
        max_length=7, required=False, help_text="Like #0b5c5f; white letters stand on it."
    )
    visitors = serializers.ChoiceField(choices=Visitors.choices(), required=False)
    visitor_hour = _number("visitor_hour", "Questions of one visitor in an hour.")
    address_hour = _number("address_hour", "Questions from one address in an hour.")
    site_day = _number("site_day", "Questions of all visitors on a day (UTC).")
    retention_days = _number("retention_days", "Days after which a visitor's conversation is deleted.")
    is_active = serializers.BooleanField(required=False)


class SiteInput(SiteChange):
    name = serializers.CharField(max_length=MAX_NAME)
    origins = serializers.ListField(
        child=serializers.CharField(max_length=_LONGEST_ORIGIN), max_length=MAX_ORIGINS
    )
    collections = serializers.ListField(child=serializers.UUIDField(), max_length=100)


class _SiteViews(TenantView):
    def shown(self, site_id: UUID, secret: str) -> dict[str, Any]:
        site = access_site(self.access, site_id)
        told = {"secret": secret} if secret else {}
        return {**SiteSerializer(site).data, **told}


class SitesView(_SiteViews):
    actions_by_method = {"GET": Action.MANAGE_TENANT, "POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="sites_list", parameters=[PageQuery], responses=SiteSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The organisation's web sites, oldest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_sites(self.access), SiteSerializer)

    @extend_schema(operation_id="sites_create", request=SiteInput, responses={201: SiteWithSecret})
    def post(self, request: Request) -> Response:
        """Let a web site show the widget."""
        body = SiteInput(data=request.data)
        body.is_valid(raise_exception=True)
        site, secret = create_site(access=self.access, fields=cast("SiteFields", body.validated_data))
        return Response(self.shown(site.id, secret), status=status.HTTP_201_CREATED)


class SiteView(_SiteViews):
    actions_by_method = {
        "GET": Action.MANAGE_TENANT,
        "PATCH": Action.MANAGE_TENANT,
        "DELETE": Action.MANAGE_TENANT,
    }

    @extend_schema(operation_id="sites_read", responses=SiteSerializer)
    def get(self, request: Request, site: UUID) -> Response:
        return Response(SiteSerializer(access_site(self.access, site)).data)

    @extend_schema(operation_id="sites_change", request=SiteChange, responses=SiteWithSecret)
    def patch(self, request: Request, site: UUID) -> Response:
        """Change it. Where visitors come to need somebody's word the answer has the secret, this once."""
        found = access_site(self.access, site)
        body = SiteChange(data=request.data)
        body.is_valid(raise_exception=True)
        _, secret = change_site(access=self.access, site=found, fields=cast("SiteFields", body.validated_data))
        return Response(self.shown(site, secret))

    @extend_schema(operation_id="sites_delete", responses={204: None})
    def delete(self, request: Request, site: UUID) -> Response:
        """Delete it, with all that its visitors asked and were answered."""
        delete_site(access=self.access, site=access_site(self.access, site))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SiteKeyView(_SiteViews):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="sites_rotate_key", request=None, responses=SiteSerializer)
    def post(self, request: Request, site: UUID) -> Response:
        """Another public key: pages with the old one show nothing from now on."""
        rotate_key(access=self.access, site=access_site(self.access, site))
        return Response(SiteSerializer(access_site(self.access, site)).data)


class SiteSecretView(_SiteViews):
    actions_by_method = {"POST": Action.MANAGE_TENANT}

    @extend_schema(operation_id="sites_rotate_secret", request=None, responses=SiteWithSecret)
    def post(self, request: Request, site: UUID) -> Response:
        """Another secret, told this once. Anonymous visitors need none: 409 `no_secret`."""
        _, secret = rotate_secret(access=self.access, site=access_site(self.access, site))
        return Response(self.shown(site, secret))
