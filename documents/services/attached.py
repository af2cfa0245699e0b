"""Writes: files attached to one conversation. What that is the apps above know: here it is an id."""

from collections import Counter
from collections.abc import Collection as Ids
from uuid import UUID

from documents.models import Collection, Document
from documents.services.documents import erase_documents, lock_document
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import PermissionRefused
from tenants.permissions import Action

NAME = "Attached files"


def attached_collection(*, access: Access, attached_to: UUID) -> Collection:
    """Where files attached to it go, made with the first of them. The caller holds what it is."""
    access.require(Action.ATTACH_FILES)
    if access.collections is not None:
        raise PermissionRefused("A token limited to some collections attaches no files.")
    new = Collection(
        name=NAME,
        slug=f"attached-{attached_to.hex}",
        is_restricted=True,
        attached_to=attached_to,
        created_by_id=access.user_id,
    )
    # Whoever attaches another at the same moment waits here, and finds this one.
    Collection.objects.bulk_create([new], ignore_conflicts=True)
    found: Collection = Collection.objects.get(attached_to=attached_to)
    return found


def remove_attached(*, access: Access, document: Document) -> None:
    """Delete one of them with all versions, pages, passages, vectors and files."""
    access.require(Action.ATTACH_FILES)
    with tenant_atomic(access.tenant_id):
        erase_documents([lock_document(document)])
        record(access, "document.deleted", target_kind="document", target_id=document.id)


def erase_attached(attached_to: Ids[UUID], removed: Counter[str] | None = None) -> int:
    """Remove the files attached to these, with all that was made of them; how many. Adds to `removed` by table."""
    found = Collection.objects.filter(attached_to__in=attached_to)
    # As whoever deletes any other collection, and in that order.
    held = list(found.order_by("id").select_for_update(no_key=True).values_list("id", flat=True))
    documents = list(Document.objects.filter(collection__in=held).order_by("id").select_for_update())
    erase_documents(documents)
    Collection.objects.filter(id__in=held).delete()
    if removed is not None:
        removed[Document._meta.db_table] += len(documents)
        removed[Collection._meta.db_table] += len(held)
    return len(documents)
