"""Writes: sources, from which documents come by themselves."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext

from documents.models import Collection, Document, Source
from documents.selectors import may_change_source
from documents.services.documents import erase_documents, hold_collection, require_change
from documents.sources import SourceError, WebTerms, readable_address
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.jobs import outbox
from tenants.models import Job
from tenants.permissions import Action

FETCH = "documents.fetch"

MAX_REFRESH_HOURS = 24 * 366
_MAX_PAGE_BYTES = 10 * 1024 * 1024


def web_terms() -> WebTerms:
    """What fetching one page may cost, and what the operator allows of it."""
    return WebTerms(
        max_bytes=min(_MAX_PAGE_BYTES, settings.DOCENT_MAX_FILE_BYTES),
        seconds=settings.DOCENT_WEB_PAGE_SECONDS,
        private_hosts=settings.DOCENT_WEB_PRIVATE_HOSTS,
        proxy=settings.DOCENT_EGRESS_PROXY,
    )


def add_web_page(*, access: Access, url: str, collection: Collection, refresh_hours: int | None = None) -> Source:
    """Have a page fetched, again and again with `refresh_hours`. One that is there is looked at anew.

    Raises `InvalidInput` for an address that is never fetched; whether it can be is seen when that is tried.
    """
    access.require(Action.WRITE_DOCUMENTS)
    _require_hours(refresh_hours)
    try:
        location = readable_address(url, settings.DOCENT_WEB_PRIVATE_HOSTS).url
    except SourceError as error:
        raise InvalidInput.at("/url", error.detail, error.code) from error
    with tenant_atomic(access.tenant_id):
        hold_collection(collection)
        source, is_new = _get_or_create(access, Source.Kind.WEB_PAGE, location, collection, refresh_hours)
        if not is_new and refresh_hours is not None and source.refresh_hours != refresh_hours:
            change_source(access=access, source=source, refresh_hours=refresh_hours)
        outbox.ensure(FETCH, source.id)
    return source


def add_folder(*, access: Access, root: Path, collection: Collection) -> Source:
    """The source that mirrors a folder of the server into a collection, made if it is missing. For operators."""
    access.require(Action.MANAGE_DOCUMENTS)
    with tenant_atomic(access.tenant_id):
        hold_collection(collection)
        return _get_or_create(access, Source.Kind.FOLDER, str(root), collection, None)[0]


def change_source(*, access: Access, source: Source, refresh_hours: int | None) -> Source:
    """Look at a page again every so many hours, or, None, only when somebody asks."""
    require_source_change(access, source)
    _require_hours(refresh_hours)
    if source.kind != Source.Kind.WEB_PAGE:
        raise InvalidInput.at("/refresh_hours", "When a folder is looked at, its operator decides.", "not_a_page")
    with tenant_atomic(access.tenant_id):
        source = lock_source(source.id)
        source.refresh_hours = refresh_hours
        source.next_run_at = source.next_after(source.last_run_at)
        source.save(update_fields=["refresh_hours", "next_run_at"])
        record(access, "source.changed", target_kind="source", target_id=source.id, refresh_hours=refresh_hours)
    return source


def look_again(*, access: Access, source: Source) -> None:
    """Have a page fetched now."""
    require_source_change(access, source)
    if source.kind != Source.Kind.WEB_PAGE:
        raise Conflict("When a folder is looked at, its operator decides.", code="not_a_page")
    with tenant_atomic(access.tenant_id):
        source = lock_source(source.id)
        if source.id not in under_way([source.id]):
            outbox.enqueue(FETCH, source.id)


def remove_source(*, access: Access, source: Source, keep_documents: bool) -> None:
    """Look there no more. Its documents stay as if somebody had uploaded them, or are deleted with it."""
    require_source_change(access, source)
    with tenant_atomic(access.tenant_id):
        # Documents before their source: whoever deletes one takes them in this order too.
        documents = list(Document.objects.filter(source=source).order_by("id").select_for_update())
        source = lock_source(source.id)
        if not keep_documents:
            for document in documents:
                require_change(access, document)
            # Without their source, which `forget_pages` would look for.
            Document.objects.filter(source=source).update(source=None)
            erase_documents(documents)
        erase_sources([source])
        record(
            access,
            "source.removed",
            target_kind="source",
            target_id=source.id,
            documents=0 if keep_documents else len(documents),
        )


def erase_sources(sources: Iterable[Source]) -> None:
    """Remove the rows; documents that are left stay without a source."""
    ids = [source.id for source in sources]
    outbox.cancel(FETCH, *ids)
    Document.objects.filter(source__in=ids).update(source=None, source_key="", source_marker="")
    Source.objects.filter(id__in=ids).delete()


def forget_pages(document_ids: list[UUID]) -> None:
    """A page whose document somebody deletes is not fetched again. Registered with `on_documents_erased`."""
    pages = Source.objects.filter(kind=Source.Kind.WEB_PAGE, documents__in=document_ids)
    if found := list(pages.distinct()):
        erase_sources(found)


def forget_person(user_id: UUID, removed: Counter[str]) -> None:
    """Sources stay, without who added them. Registered with `on_person_erased`."""
    removed["documents_source.created_by_id"] += Source.objects.filter(created_by_id=user_id).update(
        created_by_id=None
    )


def require_source_change(access: Access, source: Source) -> None:
    """`PermissionRefused` for whoever may not change the source."""
    access.require(Action.WRITE_DOCUMENTS)
    if not may_change_source(access, source):
        raise PermissionRefused("Only an admin or the person who added this source may change it.")


def lock_source(source_id: UUID) -> Source:
    """The source's row, held until the transaction ends. Raises `NotFound` if it is gone meanwhile."""
    found: Source | None = Source.objects.select_for_update().filter(id=source_id).first()
    if found is None:
        raise NotFound("There is no such source.")
    return found


def under_way(source_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these are being looked at, or wait for it."""
    jobs = Job.objects.filter(kind=FETCH, target_id__in=source_ids, dead_at=None)
    return frozenset(jobs.values_list("target_id", flat=True))


def _get_or_create(
    access: Access, kind: Source.Kind, location: str, collection: Collection, refresh_hours: int | None
) -> tuple[Source, bool]:
    source, is_new = Source.objects.get_or_create(
        kind=kind,
        collection=collection,
        location=location,
        defaults={"refresh_hours": refresh_hours, "created_by_id": access.user_id},
    )
    if is_new:
        record(access, "source.created", target_kind="source", target_id=source.id, kind=kind.value)
    return source, is_new


def _require_hours(hours: int | None) -> None:
    if hours is not None and not 1 <= hours <= MAX_REFRESH_HOURS:
        raise InvalidInput.at(
            "/refresh_hours",
            gettext("Give 1 to {max_refresh_hours} hours.").format(
                max_refresh_hours=number_format(MAX_REFRESH_HOURS, force_grouping=True)
            ),
            "out_of_range",
        )
