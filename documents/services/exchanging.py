"""Files of a mirrored folder that have changed places: documents follow their bytes.

A document cannot be given bytes that another of its collection holds. Where that other one's own file has changed
too, nobody could begin; so each document goes to the place where its bytes are now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from documents.models import Document
from documents.services.documents import erase_documents
from documents.sources import Item
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic

# What begins so is no place in any folder.
_NOWHERE = "//"


@dataclass(frozen=True, slots=True)
class HeldUp:
    """A file, with its name as it is shown, whose document cannot have its bytes: `twin_id` holds them."""

    item: Item
    name: str
    document_id: UUID
    twin_id: UUID


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of them: documents that moved, and that went; files that need none, and that have to wait."""

    moved: int
    removed: frozenset[UUID]
    twins: Sequence[HeldUp]
    waiting: Sequence[HeldUp]


def settle(access: Access, held_up: Sequence[HeldUp], *, stays: Callable[[UUID], bool]) -> Settled:
    """Let documents change places, and remove those whose bytes are nowhere any more.

    `stays(id)` says of a document that none of these files had whether it keeps its bytes; where it does not its
    file waits for the next look.
    """
    owners = {one.document_id for one in held_up}
    places: dict[UUID, HeldUp] = {}
    for one in held_up:
        if one.twin_id in owners:
            places.setdefault(one.twin_id, one)
    waiting = [one for one in held_up if one.twin_id not in owners and not stays(one.twin_id)]
    gone = owners - places.keys() - {one.document_id for one in waiting}
    with tenant_atomic(access.tenant_id):
        rows = Document.objects.filter(id__in=places.keys() | gone).order_by("id").select_for_update()
        found = {document.id: document for document in rows}
        _leave(found, places)
        _erase(access, [document for id_, document in found.items() if id_ in gone])
        for id_, place in places.items():
            if id_ in found:
                rename(access, found[id_], place.item, place.name)
    taken = {id(place) for place in places.values()}
    twins = [one for one in held_up if id(one) not in taken and one not in waiting]
    return Settled(len(places), frozenset(gone), twins, waiting)


def rename(access: Access, document: Document, item: Item, name: str) -> None:
    """The same bytes in another place; answers go on citing the document, which the caller holds."""
    if document.title == document.name:
        document.title = item.title or name
    document.name, document.source_key, document.source_marker = name, item.key, item.marker
    document.save(update_fields=["title", "name", "source_key", "source_marker", "updated_at"])
    record(access, "document.changed", target_kind="document", target_id=document.id, fields=["name", "title"])


def _leave(found: dict[UUID, Document], places: dict[UUID, HeldUp]) -> None:
    """No two may be in one place, not even for a moment."""
    for id_ in found.keys() & places.keys():
        Document.objects.filter(id=id_).update(source_key=f"{_NOWHERE}{id_}")


def _erase(access: Access, documents: Sequence[Document]) -> None:
    erase_documents(documents)
    for document in documents:
        record(access, "document.deleted", target_kind="document", target_id=document.id)
