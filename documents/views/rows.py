"""A document as lists and its own page show it."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from documents.failure_messages import told
from documents.models import Document, Status
from tenants.access import Access
from tenants.addresses.links import tenant_url
from tenants.permissions import Action

STAGES = {
    Status.EXTRACTING: gettext_lazy("Reading the text"),
    Status.CHUNKING: gettext_lazy("Cutting into passages"),
    Status.EMBEDDING: gettext_lazy("Indexing"),
}
_MINUTE = 60
_SOON = 90


def may_change(access: Access, document: Document) -> bool:
    """Members change what they uploaded, admins all."""
    is_own = document.uploaded_by_id == access.user_id and access.allows(Action.WRITE_DOCUMENTS)
    return is_own or access.allows(Action.MANAGE_DOCUMENTS)


def document_row(access: Access, document: Document) -> dict[str, Any]:
    """`url` opens its first page, as soon as there is one; `started` is in milliseconds of the epoch."""
    failed = {"code": document.error_code, "detail": told(document.error_detail)}
    first_page = (access.tenant_slug, "passage", document.id, document.current_version, 1)
    started = document.started_at if not document.is_terminal else None
    return {
        "id": document.id,
        "name": document.name,
        "title": document.title,
        "status": document.status,
        "is_over": document.is_terminal,
        "progress": document.progress,
        "eta": eta_words(document.eta_seconds),
        "started": round(started.timestamp() * 1000) if started else None,
        "attempts": document.attempts,
        "pages": document.page_count,
        "chunks": document.chunk_count,
        "size": document.size,
        "error": failed if document.error_code else None,
        "tags": document.tags,
        "is_pending": document.pending_version is not None,
        "collection": {"id": document.collection.id, "name": document.collection.name},
        "created_at": document.created_at,
        "url": tenant_url(*first_page) if document.page_count else None,
        "details_url": reverse("portal:document", args=[document.id]),
        "may_change": may_change(access, document),
    }


def eta_words(seconds: float | None) -> str:
    """About how long it still takes, in words; "" where that cannot be told."""
    if seconds is None:
        return ""
    if seconds < _SOON:
        whole = max(1, round(seconds))
        return ngettext("about %(n)d second left", "about %(n)d seconds left", whole) % {"n": whole}
    minutes = round(seconds / _MINUTE)
    return _("about %(n)d minutes left") % {"n": minutes}
