"""Reads of documents and the doors to them. Whoever lacks sight gets the same 404 as for a missing id."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Greatest

from documents.models import Chunk, Collection, Document, DocumentVersion, EmbeddingIndex, Page
from tenants.access import Access
from tenants.errors import InvalidInput, NotFound
from tenants.permissions import Action


def list_collections(access: Access) -> QuerySet[Collection]:
    """The collections that a person sees: all of the tenant's."""
    _require_sight(access)
    return visible_collections(access)


def _require_sight(access: Access) -> None:
    """Who may change documents finds the ones to change; reading them is for the view to refuse."""
    if not access.allows(Action.WRITE_DOCUMENTS):
        access.require(Action.READ_DOCUMENTS)


def visible_collections(_access: Access) -> QuerySet[Collection]:
    """What may be searched in this person's name, whichever door asks."""
    found: QuerySet[Collection] = Collection.objects.all()
    return found


def visible_documents(access: Access) -> QuerySet[Document]:
    """Documents in collections that this person sees."""
    found: QuerySet[Document] = Document.objects.filter(collection__in=visible_collections(access))
    return found


def access_collection(access: Access, collection_id: UUID) -> Collection:
    collection = list_collections(access).filter(id=collection_id).first()
    if collection is None:
        raise NotFound("There is no such collection.")
    return collection


def find_collection(access: Access, name: str) -> Collection | None:
    """By slug or name, as the command line names them."""
    return visible_collections(access).filter(Q(slug=name) | Q(name=name)).order_by("created_at").first()


def default_collection() -> Collection:
    """The tenant's own, made with it."""
    found: Collection = Collection.objects.get(is_default=True)
    return found


def require_collections(access: Access, ids: Sequence[UUID], *, pointer: str) -> list[Collection]:
    """Collections named in a body, in that order: an unknown and a foreign id are the same 400."""
    found = {one.id: one for one in visible_collections(access).filter(id__in=ids)}
    for place, wanted in enumerate(ids):
        if wanted not in found:
            raise InvalidInput.at(pointer.format(place), "There is no such collection.", "unknown_id")
    return [found[wanted] for wanted in dict.fromkeys(ids)]


def require_documents(access: Access, ids: Sequence[UUID], *, pointer: str) -> list[Document]:
    """Documents named in a body, in that order: an unknown and a foreign id are the same 400."""
    found = {one.id: one for one in visible_documents(access).filter(id__in=ids)}
    for place, wanted in enumerate(ids):
        if wanted not in found:
            raise InvalidInput.at(pointer.format(place), "There is no such document.", "unknown_id")
    return [found[wanted] for wanted in dict.fromkeys(ids)]


def list_documents(access: Access) -> QuerySet[Document]:
    _require_sight(access)
    return visible_documents(access)


def access_document(access: Access, document_id: UUID) -> Document:
    document = list_documents(access).filter(id=document_id).first()
    if document is None:
        raise NotFound("There is no such document.")
    return document


def access_version(access: Access, document_id: UUID, number: int | None = None) -> DocumentVersion:
    """A version by its number, the current one without."""
    document = access_document(access, document_id)
    wanted = document.current_version if number is None else number
    version: DocumentVersion | None = DocumentVersion.objects.filter(document=document, number=wanted).first()
    if version is None:
        raise NotFound("The document has no such version.")
    version.document = document
    return version


def access_page(access: Access, document_id: UUID, page: int, number: int | None = None) -> Page:
    """A page, with its version and document."""
    version = access_version(access, document_id, number)
    found: Page | None = Page.objects.filter(version=version, number=page).first()
    if found is None:
        raise NotFound("The document has no such page.")
    found.version = version
    return found


def count_pages(version: DocumentVersion) -> int:
    count: int = Page.objects.filter(version=version).count()
    return count


def list_chunks(document: Document) -> QuerySet[Chunk]:
    found: QuerySet[Chunk] = Chunk.objects.filter(
        document=document, version__number=document.current_version
    ).order_by("number")
    return found


def find_active_index() -> EmbeddingIndex | None:
    """The index that answers questions; None before the first document."""
    found: EmbeddingIndex | None = EmbeddingIndex.objects.filter(status=EmbeddingIndex.Status.ACTIVE).first()
    return found


def with_totals(collections: QuerySet[Collection]) -> QuerySet[Collection]:
    """Adds `document_total`, `chunk_total`, `byte_total` and `changed_at`, of the documents' current versions."""
    return collections.annotate(
        document_total=Count("documents"),
        chunk_total=Coalesce(Sum("documents__chunk_count"), 0),
        byte_total=Coalesce(Sum("documents__size"), 0),
        changed_at=Greatest("updated_at", Coalesce(Max("documents__updated_at"), "updated_at")),
    )
