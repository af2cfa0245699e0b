"""Reads of documents and the doors to them. Whoever lacks sight gets the same 404 as for a missing id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Greatest

from documents.masking import Masker, MaskingRules, Pattern
from documents.models import (
    TERMINAL,
    Chunk,
    Collection,
    CollectionGrant,
    Document,
    DocumentVersion,
    EmbeddingIndex,
    MaskingPolicy,
    Page,
    Source,
    Status,
)
from tenants.access import Access
from tenants.database.prepared_queries import Prepared, PreparedModels
from tenants.errors import InvalidInput, NotFound
from tenants.models import GroupMember, Membership
from tenants.permissions import Action, Role

# How long one of an organisation's own patterns may look at a title.
_TITLE_SECONDS = 0.1


def list_collections(access: Access) -> QuerySet[Collection]:
    """The collections that a person sees."""
    _require_sight(access)
    return visible_collections(access)


def _require_sight(access: Access) -> None:
    """Who may change documents finds the ones to change; reading them is for the view to refuse."""
    if not access.allows(Action.WRITE_DOCUMENTS):
        access.require(Action.READ_DOCUMENTS)


def visible_collections(access: Access, *, attached_to: UUID | None = None) -> QuerySet[Collection]:
    """What may be seen and searched in this person's name: the one place that decides it for every door.

    Everyone sees a collection that is not restricted. A restricted one is seen by admins, by whoever made it
    and by whom a grant names: a person, somebody's group, or a role, which speaks for the roles above it too.
    The files of a conversation are seen by who attached them, and only where `attached_to` names it.
    Of that, a token limited to some collections sees those alone; a web site sees exactly its own.
    """
    attached = Q(attached_to=attached_to) if attached_to is not None else None
    return _within_sight(access, attached)


def readable_collections(access: Access) -> QuerySet[Collection]:
    """The same with what this person has attached to any conversation: for documents that are named already."""
    return _within_sight(access, Q(attached_to__isnull=False))


def _within_sight(access: Access, attached: Q | None) -> QuerySet[Collection]:
    is_own = Q(created_by_id=access.user_id)
    seen = Q(attached_to__isnull=True)
    if not access.sees_restricted:
        seen &= Q(is_restricted=False) | is_own | Q(Exists(_grants_to(access)))
    found: QuerySet[Collection] = Collection.objects.filter(seen if attached is None else seen | attached & is_own)
    if access.collections is not None:
        found = found.filter(id__in=access.collections)
    return found


def _grants_to(access: Access) -> QuerySet[CollectionGrant]:
    """What gives this person sight of the collection that the query around it looks at."""
    memberships = Membership.objects.filter(user_id=access.user_id)
    groups = GroupMember.objects.filter(membership__in=memberships).values("group")
    roles = [role for role in Role if access.role.covers(role)]
    found: QuerySet[CollectionGrant] = CollectionGrant.objects.filter(
        Q(membership__in=memberships) | Q(group__in=groups) | Q(role__in=roles), collection=OuterRef("id")
    )
    return found


def sees_collection(access: Access, collection_id: UUID) -> bool:
    return readable_collections(access).filter(id=collection_id).exists()


def visible_documents(access: Access) -> QuerySet[Document]:
    """Documents in collections that this person sees."""
    found: QuerySet[Document] = Document.objects.filter(collection__in=visible_collections(access))
    return found


def readable_documents(access: Access) -> QuerySet[Document]:
    """The same with what this person has attached to conversations: what a link or an old answer names."""
    found: QuerySet[Document] = Document.objects.filter(collection__in=readable_collections(access))
    return found


def attached_documents(access: Access, attached_to: UUID) -> QuerySet[Document]:
    """The files of one conversation, if this person attached them."""
    own = readable_collections(access).filter(attached_to=attached_to)
    found: QuerySet[Document] = Document.objects.filter(collection__in=own)
    return found


def attached_places(attached_to: UUID) -> tuple[UUID | None, list[UUID]]:
    """The collection of one conversation's files, None before the first, and the documents in it."""
    collection = next((one for (one,) in _attached_collection.rows(attached_to=attached_to)), None)
    found = Document.objects.filter(collection=collection) if collection else Document.objects.none()
    return collection, list(found.order_by("created_at", "id").values_list("id", flat=True))


_attached_collection = Prepared(
    lambda attached_to: Collection.objects.filter(attached_to=attached_to).values_list("id")
)


def names_being_read(access: Access, attached_to: UUID) -> list[str]:
    """Files of one conversation that are still on their way into the index, the oldest first."""
    waiting = attached_documents(access, attached_to).exclude(status__in=TERMINAL)
    return list(waiting.order_by("created_at", "id").values_list("name", flat=True))


def access_collection(access: Access, collection_id: UUID) -> Collection:
    collection = list_collections(access).filter(id=collection_id).first()
    if collection is None:
        raise NotFound("There is no such collection.")
    return collection


def find_collection(access: Access, name: str) -> Collection | None:
    """By slug or name, as the command line names them."""
    return visible_collections(access).filter(Q(slug=name) | Q(name=name)).order_by("created_at").first()


def default_collection(access: Access) -> Collection:
    """Where uploads go that name no collection. Whoever does not see it has to name one: `InvalidInput`."""
    found = visible_collections(access).filter(is_default=True).first()
    if found is None:
        raise InvalidInput.at("/collection", "Name a collection: you do not see the default one.", "required")
    return found


def may_change(access: Access, collection: Collection) -> bool:
    """Members change what they made, admins all."""
    is_own = collection.created_by_id == access.user_id and access.allows(Action.WRITE_DOCUMENTS)
    return is_own or access.allows(Action.MANAGE_DOCUMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Who sees a collection beside its creator and the admins: everyone, or those named.

    `people` are ids of users, `groups` of groups; both sorted, `roles` from the least.
    """

    everyone: bool
    people: tuple[UUID, ...]
    groups: tuple[UUID, ...]
    roles: tuple[Role, ...]


def sight_of(collection: Collection) -> Sight:
    """Who sees the collection. Asks nothing of a row of `with_totals`."""
    grants = collection.grants.all()
    return Sight(
        everyone=not collection.is_restricted,
        people=tuple(sorted(one.membership.user_id for one in grants if one.membership)),
        groups=tuple(sorted(one.group_id for one in grants if one.group_id)),
        roles=tuple(role for role in Role if any(one.role == role for one in grants)),
    )


def require_collections(access: Access, ids: Sequence[UUID], *, pointer: str) -> list[Collection]:
    """Collections named in a body, in that order: an unknown and a foreign id are the same 400."""
    if not ids:
        return []
    found = {one.id: one for one in visible_collections(access).filter(id__in=ids)}
    for place, wanted in enumerate(ids):
        if wanted not in found:
            raise InvalidInput.at(pointer.format(place), "There is no such collection.", "unknown_id")
    return [found[wanted] for wanted in dict.fromkeys(ids)]


def check_collections(access: Access, ids: Sequence[UUID]) -> None:
    """Refuse a token's collections that are out of sight. Registered with `on_collections_named`."""
    require_collections(access, ids, pointer="/collections/{}")


def name_collections(access: Access, names: dict[UUID, str]) -> None:
    """Add the collections that a person sees. Registered with `on_collections_listed`."""
    names |= dict(visible_collections(access).order_by("name", "id").values_list("id", "name"))


def require_documents(
    access: Access, ids: Sequence[UUID], *, pointer: str, attached_to: UUID | None = None
) -> list[Document]:
    """Documents named in a body, in that order: an unknown and a foreign id are the same 400."""
    if not ids:
        return []
    seen = visible_collections(access, attached_to=attached_to)
    found = {one.id: one for one in Document.objects.filter(collection__in=seen, id__in=ids)}
    for place, wanted in enumerate(ids):
        if wanted not in found:
            raise InvalidInput.at(pointer.format(place), "There is no such document.", "unknown_id")
    return [found[wanted] for wanted in dict.fromkeys(ids)]


def list_documents(access: Access) -> QuerySet[Document]:
    _require_sight(access)
    return visible_documents(access)


def access_document(access: Access, document_id: UUID) -> Document:
    _require_sight(access)
    document = readable_documents(access).filter(id=document_id).first()
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


def list_versions(document: Document) -> QuerySet[DocumentVersion]:
    found: QuerySet[DocumentVersion] = DocumentVersion.objects.filter(document=document)
    return found.select_related("document").order_by("number")


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


def neighbours_of(version_id: UUID, start: int) -> tuple[Chunk | None, Chunk | None]:
    """The passages before and after the one at `start` in a version's text; none where it is not indexed.

    Passages may overlap: it is the last that begins by then.
    """
    passages = Chunk.objects.filter(version=version_id)
    here = passages.filter(start__lte=start).order_by("-number").values_list("number", flat=True).first()
    if here is None:
        return None, None
    beside = {one.number: one for one in passages.filter(number__in=(here - 1, here + 1))}
    return beside.get(here - 1), beside.get(here + 1)


def list_chunks(document: Document) -> QuerySet[Chunk]:
    found: QuerySet[Chunk] = Chunk.objects.filter(
        document=document, version__number=document.current_version
    ).order_by("number")
    return found


def find_active_index() -> EmbeddingIndex | None:
    """The index that answers questions; None before the first document."""
    return _active_index.first()


_active_index = PreparedModels(
    EmbeddingIndex, lambda: EmbeddingIndex.objects.filter(status=EmbeddingIndex.Status.ACTIVE)
)
_index = PreparedModels(EmbeddingIndex, lambda index: EmbeddingIndex.objects.filter(id=index))


def find_index(index_id: UUID | None) -> EmbeddingIndex | None:
    """An index by its id, the active one without; None where it is gone or there is none."""
    if index_id is None:
        return find_active_index()
    return _index.first(index=index_id)


def list_sources(access: Access) -> QuerySet[Source]:
    """What fills the collections that a person sees, by itself."""
    _require_sight(access)
    found: QuerySet[Source] = Source.objects.filter(collection__in=visible_collections(access))
    return found


def access_source(access: Access, source_id: UUID) -> Source:
    found = list_sources(access).select_related("collection").filter(id=source_id).first()
    if found is None:
        raise NotFound("There is no such source.")
    return found


def may_change_source(access: Access, source: Source) -> bool:
    """Members change what they added, admins all."""
    is_own = source.created_by_id == access.user_id and access.allows(Action.WRITE_DOCUMENTS)
    return is_own or access.allows(Action.MANAGE_DOCUMENTS)


def with_totals(collections: QuerySet[Collection]) -> QuerySet[Collection]:
    """Adds `document_total`, `page_total`, `chunk_total`, `byte_total` and `changed_at`.

    All of the documents' current versions. Fetches the grants beside them.
    """
    grants = Prefetch("grants", CollectionGrant.objects.select_related("membership"))
    return collections.prefetch_related(grants).annotate(
        document_total=Count("documents"),
        chunk_total=Coalesce(Sum("documents__chunk_count"), 0),
        byte_total=Coalesce(Sum("documents__size"), 0),
        page_total=Coalesce(Sum("documents__page_count"), 0),
        changed_at=Greatest("updated_at", Coalesce(Max("documents__updated_at"), "updated_at")),
    )


def count_by_status(collection: Collection) -> dict[str, int]:
    """How many documents of a collection are in which state; every state is named."""
    rows = Document.objects.filter(collection=collection).values_list("status").annotate(number=Count("id"))
    counted = dict(rows.order_by("status"))
    return {status.value: counted.get(status.value, 0) for status in Status}


def hidden_titles(titles: Iterable[str]) -> dict[str, str]:
    """Each title as models may read it."""
    masker = Masker(masking_rules(), seconds=_TITLE_SECONDS)
    return {title: masker.hide(title) for title in titles}


def masked_otherwise() -> QuerySet[Document]:
    """Documents that are searched as they were read under other rules than the present ones."""
    current = DocumentVersion.objects.filter(document=OuterRef("id"), number=OuterRef("current_version"))
    others = current.exclude(masked_by=masking_rules().digest)
    found: QuerySet[Document] = Document.objects.filter(Exists(others), status=Status.READY)
    return found


def was_masked_otherwise(version: DocumentVersion) -> bool:
    return version.masked_by != masking_rules().digest


_masking_policy = PreparedModels(MaskingPolicy, lambda: MaskingPolicy.objects.order_by("id")[:1])


def masking_rules() -> MaskingRules:
    """What the active tenant hides from search and models."""
    policy = _masking_policy.first()
    if policy is None:
        return MaskingRules()
    return MaskingRules(
        emails=policy.emails,
        phones=policy.phones,
        cards=policy.cards,
        ibans=policy.ibans,
        patterns=tuple(Pattern(one["name"], one["pattern"]) for one in policy.patterns),
    )
