"""`/exports/`: one's own data or the organisation's, as a file."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Access
from tenants.api.downloads import Download, file_response, open_stored
from tenants.api.pages import NewestFirst, PageQuery
from tenants.api.serializers import StrictSerializer
from tenants.api.views import TenantView
from tenants.db import run_in_tenant
from tenants.exports import ExportOf
from tenants.models import Export
from tenants.permissions import Action
from tenants.selectors import access_export, list_exports
from tenants.services.exports import delete_export, open_export, request_export


class ExportSerializer(serializers.Serializer[Any]):
    """`error` says why there will be no file; `size` is the file's, in bytes; it is gone after `expires_at`."""

    id = serializers.UUIDField()
    of = serializers.SerializerMethodField()
    requested_by = serializers.UUIDField(source="requested_by_id")
    status = serializers.ChoiceField(choices=[(one.value, one.value) for one in Export.Status])
    progress = serializers.FloatField()
    error = serializers.SerializerMethodField()
    size = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_of(self, export: Export) -> str:
        return ExportOf.ME if export.subject_id else ExportOf.TENANT

    def get_error(self, export: Export) -> str | None:
        return export.error_detail or None


class NewExportSerializer(StrictSerializer):
    of = serializers.ChoiceField(choices=ExportOf.choices())


class ExportsView(TenantView):
    actions_by_method = {"GET": Action.EXPORT_OWN, "POST": Action.EXPORT_OWN}
    pagination_class = NewestFirst

    @extend_schema(operation_id="exports_list", parameters=[PageQuery], responses=ExportSerializer(many=True))
    def get(self, request: Request) -> Response:
        """One's own exports and, for owners, the organisation's, newest first."""
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return self.paged(list_exports(self.access), ExportSerializer)

    @extend_schema(operation_id="exports_create", request=NewExportSerializer, responses={202: ExportSerializer})
    def post(self, request: Request) -> Response:
        """Have one's own data written, or as an owner the organisation's; 409 while that is being done."""
        body = NewExportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        export = request_export(access=self.access, of=ExportOf(body.validated_data["of"]))
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)


class ExportView(TenantView):
    actions_by_method = {"GET": Action.EXPORT_OWN, "DELETE": Action.EXPORT_OWN}

    @extend_schema(operation_id="exports_read", responses=ExportSerializer)
    def get(self, request: Request, export_id: UUID) -> Response:
        return Response(ExportSerializer(access_export(self.access, export_id)).data)

    @extend_schema(operation_id="exports_delete", responses={204: None})
    def delete(self, request: Request, export_id: UUID) -> Response:
        """Remove it with its file; one that is being written stops."""
        delete_export(access=self.access, export=access_export(self.access, export_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportFileView(TenantView):
    actions_by_method = {"GET": Action.EXPORT_OWN}

    @extend_schema(operation_id="exports_file", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    async def get(self, request: HttpRequest, access: Access, export_id: UUID) -> HttpResponseBase:
        """The zip file; 409 while there is none. Each time is recorded."""
        return await export_response(request, access, export_id)


async def export_response(request: HttpRequest, access: Access, export_id: UUID) -> HttpResponseBase:
    """An export's file. Raises `NotFound`, and `Conflict` while there is none."""
    export: Export = await run_in_tenant(access.tenant_id, _open, access, export_id)
    download = Download(
        open=partial(open_stored, export.storage_key),
        name=f"docent-{access.tenant_slug}-{export.created_at:%Y-%m-%d}.zip",
        size=export.size,
        media_type="application/zip",
        etag=str(export.id),
    )
    return await file_response(request, access, download)


def _open(access: Access, export_id: UUID) -> Export:
    return open_export(access=access, export_id=export_id)
