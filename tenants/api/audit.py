"""`/audit/`: what changed, who did it and from where; in pages, or whole as a file."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import ISO_8601, serializers
from rest_framework.request import Request

from tenants.access import Access
from tenants.api.asynchronous import json_response
from tenants.api.pages import PageQuery, Pages
from tenants.api.views import TenantView
from tenants.audit.recording import ACTIONS, record
from tenants.db import run_in_tenant
from tenants.files.spreadsheets import csv_lines
from tenants.models import AuditEvent
from tenants.permissions import Action
from tenants.revocable_work import each_while_allowed
from tenants.selectors import list_audit

_BATCH = 1000  # events that an export reads at once


class NewestEventFirst(Pages):
    ordering = ("-at", "-id")


class AuditEventSerializer(serializers.Serializer[Any]):
    """A row of `selectors.list_audit`."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.UUIDField(source="actor_id", allow_null=True)
    actor_email = serializers.EmailField(allow_null=True, help_text="Of a present member; null otherwise.")
    carrier = serializers.CharField(help_text="session, token, cli or worker.")
    token = serializers.UUIDField(source="token_id", allow_null=True)
    address = serializers.IPAddressField(allow_null=True)
    target_kind = serializers.CharField()
    target = serializers.UUIDField(source="target_id", allow_null=True)
    sealed = serializers.SerializerMethodField()
    number = serializers.IntegerField(
        source="seal_number", allow_null=True, help_text="Its place in the sealed chain; null until sealed."
    )

    def get_fields(self) -> dict[str, Any]:
        # `data` cannot be the name of an attribute.
        return {**super().get_fields(), "data": serializers.JSONField(help_text="Ids and codes.")}

    def get_sealed(self, event: Any) -> bool:
        return event.seal_number is not None


_COLUMNS = tuple(AuditEventSerializer().fields)


class AuditQuery(PageQuery):
    """Which events. Ids are taken as they are: people and things that are gone stay in the log."""

    action = serializers.ChoiceField(choices=sorted(ACTIONS), required=False)
    actor = serializers.UUIDField(required=False)
    target = serializers.UUIDField(required=False)
    after = serializers.DateTimeField(
        required=False, input_formats=[ISO_8601, "%Y-%m-%d"], help_text="At this time or later."
    )
    before = serializers.DateTimeField(
        required=False, input_formats=[ISO_8601, "%Y-%m-%d"], help_text="Earlier than this time."
    )
    format = serializers.ChoiceField(
        choices=["csv", "json"], required=False, help_text="All of them as a file, instead of a page."
    )


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What narrows the log down; None does not."""

    action: str | None = None
    actor: UUID | None = None
    target: UUID | None = None
    after: datetime | None = None
    before: datetime | None = None

    @classmethod
    def of(cls, wanted: dict[str, Any]) -> "AuditFilter":
        """From the validated fields of an `AuditQuery`."""
        return cls(**{name: wanted[name] for name in cls.__slots__ if name in wanted})

    def rows(self, access: Access) -> QuerySet[AuditEvent]:
        conditions = {
            "action": self.action,
            "actor_id": self.actor,
            "target_id": self.target,
            "at__gte": self.after,
            "at__lt": self.before,
        }
        given = {name: value for name, value in conditions.items() if value is not None}
        return list_audit(access).filter(**given)


class AuditView(TenantView):
    actions_by_method = {"GET": Action.READ_AUDIT}

    @extend_schema(
        operation_id="audit_list",
        parameters=[AuditQuery],
        responses={
            (200, "application/json"): AuditEventSerializer(many=True),
            (200, "text/csv"): OpenApiTypes.BINARY,
        },
    )
    async def get(self, request: HttpRequest, access: Access) -> HttpResponseBase:
        """The audit log, newest first. Who looks at it or takes it away is recorded in it."""
        query = AuditQuery(data=request.GET.dict())
        query.is_valid(raise_exception=True)
        wanted = AuditFilter.of(query.validated_data)
        if "format" in query.validated_data:
            return await export_audit(access, wanted, query.validated_data["format"])
        return json_response(await run_in_tenant(access.tenant_id, _page, access, wanted, request))


def _page(access: Access, wanted: AuditFilter, request: HttpRequest) -> Any:
    pages, events = look_at_audit(access, wanted, request)
    return pages.get_paginated_response(AuditEventSerializer(events, many=True).data).data


def look_at_audit(
    access: Access, wanted: AuditFilter, request: HttpRequest
) -> tuple[NewestEventFirst, list[AuditEvent]]:
    """The page that the request's cursor names. Opening the log is recorded, turning its pages is not."""
    pages = NewestEventFirst()
    events: list[AuditEvent] = pages.paginate_queryset(wanted.rows(access), Request(request)) or []
    if "cursor" not in request.GET:
        record(access, "audit.read", target_kind="tenant", target_id=access.tenant_id)
    return pages, events


async def export_audit(access: Access, wanted: AuditFilter, format_: str) -> StreamingHttpResponse:
    """All the events asked for, as a file that is written while it is read. Recorded before the first byte.

    A coroutine, so that a slow reader holds no database connection; it just ends when the authority goes.
    """
    await run_in_tenant(access.tenant_id, _record_export, access, format_)
    write, media_type = _WRITERS[format_]
    name = f"audit-{access.tenant_slug}-{timezone.now():%Y-%m-%d}.{format_}"
    return StreamingHttpResponse(
        each_while_allowed(access, write(_batches(access, wanted))),
        content_type=f"{media_type}; charset=utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _record_export(access: Access, format_: str) -> None:
    record(access, "audit.exported", target_kind="tenant", target_id=access.tenant_id, format=format_)


async def _batches(access: Access, wanted: AuditFilter) -> AsyncIterator[list[dict[str, Any]]]:
    """The events, newest first, each batch read in a short unit of its own; at least one, if empty."""
    last: dict[str, Any] | None = None
    while True:
        batch: list[dict[str, Any]] = await run_in_tenant(access.tenant_id, _batch, access, wanted, last)
        yield batch
        if len(batch) < _BATCH:
            return
        last = batch[-1]


def _batch(access: Access, wanted: AuditFilter, last: dict[str, Any] | None) -> list[dict[str, Any]]:
    rows = wanted.rows(access).order_by("-at", "-id")
    if last is not None:
        rows = rows.filter(Q(at__lt=last["at"]) | Q(at=last["at"], id__lt=last["id"]))
    return [dict(one) for one in AuditEventSerializer(rows[:_BATCH], many=True).data]


async def _as_csv(batches: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[str]:
    lines_to_skip = 0
    async for batch in batches:
        rows = [[_cell(event[column]) for column in _COLUMNS] for event in batch]
        yield "".join(islice(csv_lines(_COLUMNS, rows), lines_to_skip, None))
        lines_to_skip = 1  # the header stands there


def _cell(value: Any) -> object:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


async def _as_json(batches: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[str]:
    opening = "["
    async for batch in batches:
        for event in batch:
            yield f"{opening}\n{json.dumps(event, ensure_ascii=False)}"
            opening = ","
    yield "\n]\n" if opening == "," else "[]\n"


_Writer = Callable[[AsyncIterator[list[dict[str, Any]]]], AsyncIterator[str]]
_WRITERS: dict[str, tuple[_Writer, str]] = {"csv": (_as_csv, "text/csv"), "json": (_as_json, "application/json")}
