"""Where documents come from by themselves, in the portal."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from rest_framework import serializers

from documents.failure_messages import told
from documents.models import Source
from documents.selectors import access_source, default_collection, may_change_source, require_collections
from documents.services.sources import (
    MAX_REFRESH_HOURS,
    add_web_page,
    change_source,
    look_again,
    remove_source,
    require_source_change,
    under_way,
)
from documents.views.forms import back, fields_of, form_view, tell
from tenants.access import Access
from tenants.addresses.web_addresses import MAX_LENGTH
from tenants.api.serializers import StrictSerializer
from tenants.permissions import Action
from tenants.web.portal_views import is_navigation, portal_view

_DAY, _WEEK, _MONTH = 24, 24 * 7, 24 * 30


class _HoursField(serializers.IntegerField):
    """Hours; an empty field of a form is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_REFRESH_HOURS, allow_null=True, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return super().validate_empty_values(None if data == "" else data)


class PageInput(StrictSerializer):
    url = serializers.CharField(max_length=MAX_LENGTH)
    collection = serializers.UUIDField(required=False, help_text="The default collection if left out.")
    refresh_hours = _HoursField(required=False, default=None)


class RefreshInput(StrictSerializer):
    refresh_hours = _HoursField()


class RemovalInput(StrictSerializer):
    documents = serializers.ChoiceField(choices=["keep", "delete"])


@form_view(Action.WRITE_DOCUMENTS)
def add_page(request: HttpRequest, access: Access) -> HttpResponse:
    """A page of the web that becomes a document."""
    body = PageInput(data=fields_of(request))
    body.is_valid(raise_exception=True)
    wanted = body.validated_data
    if "collection" in wanted:
        [collection] = require_collections(access, [wanted["collection"]], pointer="/collection")
    else:
        collection = default_collection(access)
    add_web_page(access=access, url=wanted["url"], collection=collection, refresh_hours=wanted["refresh_hours"])
    tell(request, _("The page is being fetched. It becomes a document of “{name}”.").format(name=collection))
    if not is_navigation(request):
        return HttpResponse(status=202)
    return redirect(reverse("portal:collection", args=[collection.id]))


@form_view(Action.WRITE_DOCUMENTS)
def look(request: HttpRequest, access: Access, source: UUID) -> HttpResponse:
    """Fetch it now."""
    look_again(access=access, source=access_source(access, source))
    return back(request)


@form_view(Action.WRITE_DOCUMENTS)
def change(request: HttpRequest, access: Access, source: UUID) -> HttpResponse:
    """How often it is looked at."""
    found = access_source(access, source)
    require_source_change(access, found)
    body = RefreshInput(data=fields_of(request))
    body.is_valid(raise_exception=True)
    change_source(access=access, source=found, refresh_hours=body.validated_data["refresh_hours"])
    return back(request)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_view(Action.WRITE_DOCUMENTS)
def remove(request: HttpRequest, access: Access, source: UUID) -> HttpResponse:
    """Asks whether its documents stay, and takes the source away."""
    found = access_source(access, source)
    require_source_change(access, found)
    if request.method != "POST":
        [row] = source_rows(access, Source.objects.filter(id=found.id))
        context = {"section": "documents", "source": row, "collection": found.collection}
        return render(request, "source_remove.html", context)
    body = RemovalInput(data=fields_of(request))
    body.is_valid(raise_exception=True)
    remove_source(access=access, source=found, keep_documents=body.validated_data["documents"] == "keep")
    tell(request, _("“{name}” is not looked at any more.").format(name=_name(found)))
    if not is_navigation(request):
        return HttpResponse(status=204)
    return redirect(reverse("portal:collection", args=[found.collection_id]))


def source_rows(access: Access, sources: QuerySet[Source]) -> list[dict[str, Any]]:
    """Sources as pages show them, oldest first. Where on the server a folder stands is its operator's business."""
    found = list(sources.annotate(document_total=Count("documents")).order_by("created_at", "id"))
    busy = under_way([source.id for source in found])
    return [_row(access, source, is_busy=source.id in busy) for source in found]


def _row(access: Access, source: Any, *, is_busy: bool) -> dict[str, Any]:
    is_page = source.kind == Source.Kind.WEB_PAGE
    return {
        "id": source.id,
        "name": _name(source),
        "url": source.location if is_page else None,
        "is_page": is_page,
        "is_busy": is_busy,
        "documents": source.document_total,
        "error": told(source.error_detail),
        "last_run_at": source.last_run_at,
        "next_run_at": None if is_busy else source.next_run_at,
        "is_due": source.next_run_at is not None and source.next_run_at <= timezone.now(),
        "did": _did(source.report) if not source.error_code else "",
        "refresh_choices": refresh_choices(source.refresh_hours),
        "may_change": may_change_source(access, source),
    }


def _name(source: Source) -> str:
    if source.kind == Source.Kind.WEB_PAGE:
        return source.location.partition("://")[2].removesuffix("/")
    return PurePath(source.location).name


def _did(report: dict[str, int]) -> str:
    """The last look in words; "" if nothing was new."""
    words = {
        "added": ngettext("%d added", "%d added", report.get("added", 0)),
        "replaced": ngettext("%d replaced", "%d replaced", report.get("replaced", 0)),
        "renamed": ngettext("%d renamed", "%d renamed", report.get("renamed", 0)),
        "removed": ngettext("%d removed", "%d removed", report.get("removed", 0)),
        "refused": ngettext("%d refused", "%d refused", report.get("refused", 0)),
    }
    return ", ".join(sentence % report[name] for name, sentence in words.items() if report.get(name))


def refresh_choices(chosen: int | None = None) -> Sequence[dict[str, Any]]:
    """How often a page may be looked at, with what is so now."""
    words = {
        None: _("only when asked"),
        1: _("every hour"),
        _DAY: _("every day"),
        _WEEK: _("every week"),
        _MONTH: _("every month"),
    }
    if chosen not in words:
        words[chosen] = ngettext("every %d hour", "every %d hours", chosen or 0) % (chosen or 0)
    return [{"value": value or "", "label": label, "is_chosen": value == chosen} for value, label in words.items()]
