"""Writes: collections."""

from collections.abc import Container, Iterable, Sequence
from uuid import UUID

from django.utils.text import slugify
from django.utils.translation import gettext

from documents.models import Collection, CollectionGrant, Document, Source
from documents.selectors import may_change
from documents.services.documents import erase_documents
from documents.services.sizes import require_sizes
from documents.services.sources import erase_sources
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, NotFound, PermissionRefused
from tenants.models import Group, Membership, Tenant
from tenants.permissions import Action, Role

DEFAULT_NAME = "Documents"


def create_default_collection() -> None:
    """What a new tenant starts with. Registered with `on_tenant_created`."""
    Collection.objects.create(name=DEFAULT_NAME, slug=slugify(DEFAULT_NAME), is_default=True)


def create_collection(*, access: Access, name: str) -> Collection:
    """Create a collection; its slug is made from the name and never changes."""
    access.require(Action.WRITE_DOCUMENTS)
    if access.collections is not None:
        raise PermissionRefused("A token limited to some collections makes no others.")
    name = _clean_name(name)
    with tenant_atomic(access.tenant_id):
        # Whoever makes one at the same moment waits here, and then finds this one's slug taken.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        collection: Collection = Collection.objects.create(
            name=name, slug=_free_slug(name), created_by_id=access.user_id
        )
        record(access, "collection.created", target_kind="collection", target_id=collection.id)
    return collection


def rename_collection(*, access: Access, collection: Collection, name: str) -> Collection:
    require_change(access, collection)
    with tenant_atomic(access.tenant_id):
        _lock(collection)
        collection.name = _clean_name(name)
        collection.save(update_fields=["name", "updated_at"])
        record(access, "collection.renamed", target_kind="collection", target_id=collection.id)
    return collection


def set_chunk_sizes(
    *, access: Access, collection: Collection, size: int | None, overlap: int | None
) -> Collection:
    """Say how documents uploaded from now on are cut, in characters; None: as Docent does by default.

    Those that are there stay as they are cut. Raises `InvalidInput` for sizes that cannot be.
    """
    require_change(access, collection)
    require_sizes(size, overlap)
    with tenant_atomic(access.tenant_id):
        _lock(collection)
        collection.chunk_size, collection.chunk_overlap = size, overlap
        collection.save(update_fields=["chunk_size", "chunk_overlap", "updated_at"])
        record(
            access,
            "collection.sizes_changed",
            target_kind="collection",
            target_id=collection.id,
            size=size,
            overlap=overlap,
        )
    return collection


def delete_collection(*, access: Access, collection: Collection) -> None:
    """Delete a collection with everything in it. The default one stays: uploads need a place."""
    require_change(access, collection)
    if collection.is_default:
        raise InvalidInput("The default collection cannot be deleted.", code="default_collection")
    with tenant_atomic(access.tenant_id):
        _lock(collection)
        # In the order in which everybody locks several.
        documents = list(Document.objects.filter(collection=collection).order_by("id").select_for_update())
        erase_documents(documents)
        erase_sources(Source.objects.filter(collection=collection))
        record(
            access,
            "collection.deleted",
            target_kind="collection",
            target_id=collection.id,
            documents=len(documents),
        )
        collection.delete()


def set_collection_access(
    *,
    access: Access,
    collection: Collection,
    everyone: bool,
    people: Sequence[UUID] = (),
    groups: Sequence[UUID] = (),
    roles: Sequence[Role] = (),
) -> Collection:
    """Say who sees a collection beside its creator and the admins: everyone, or those named here.

    Replaces what was said before. `people` are ids of users. A role speaks for the roles above it too. Raises
    `InvalidInput` for an id of nobody here, and for names where everyone sees it. New requests follow it at
    once; an answer that is being written may finish with the passages it has found.
    """
    require_change(access, collection)
    if everyone and (people or groups or roles):
        raise InvalidInput.at("/access/everyone", "Where everyone sees it nobody is named.", "contradiction")
    with tenant_atomic(access.tenant_id):
        _lock(collection)
        members = Membership.objects.select_for_update(no_key=True).filter(user__in=people).order_by("id")
        memberships = dict(members.values_list("user_id", "id"))
        _require_known(people, memberships, "/access/people/{}", gettext("There is no such member."))
        named = Group.objects.select_for_update(no_key=True).filter(id__in=groups).order_by("id")
        known_groups = set(named.values_list("id", flat=True))
        _require_known(groups, known_groups, "/access/groups/{}", gettext("There is no such group."))
        collection.is_restricted = not everyone
        collection.save(update_fields=["is_restricted", "updated_at"])
        _replace_grants(collection, memberships.values(), known_groups, set(roles))
        record(
            access,
            "collection.access_changed",
            target_kind="collection",
            target_id=collection.id,
            everyone=everyone,
            people=sorted(map(str, memberships)),
            groups=sorted(map(str, known_groups)),
            roles=sorted(set(roles)),
        )
    return collection


def _lock(collection: Collection) -> None:
    """Let nobody else change or delete it, or put a document into it, until the unit ends.

    Not the key itself: a worker that holds one of its documents writes vectors that refer to the collection, while
    who deletes it waits for that document. Raises `NotFound` if it was deleted meanwhile.
    """
    if not Collection.objects.select_for_update(no_key=True).filter(id=collection.id).exists():
        raise NotFound("There is no such collection.")


def _replace_grants(
    collection: Collection, memberships: Iterable[UUID], groups: Iterable[UUID], roles: Iterable[Role]
) -> None:
    CollectionGrant.objects.filter(collection=collection).delete()
    CollectionGrant.objects.bulk_create(
        [
            *(CollectionGrant(collection=collection, membership_id=one) for one in memberships),
            *(CollectionGrant(collection=collection, group_id=one) for one in groups),
            *(CollectionGrant(collection=collection, role=one) for one in roles),
        ]
    )


def _require_known(wanted: Sequence[UUID], known: Container[UUID], pointer: str, detail: str) -> None:
    for place, one in enumerate(wanted):
        if one not in known:
            raise InvalidInput.at(pointer.format(place), detail, "unknown_id")


def require_change(access: Access, collection: Collection) -> None:
    """`PermissionRefused` for whoever may not change the collection."""
    access.require(Action.WRITE_DOCUMENTS)
    if not may_change(access, collection):
        raise PermissionRefused("Only an admin or the person who made this collection may change it.")


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InvalidInput.at("/name", "A collection needs a name.", "required")
    if len(name) > 120:  # noqa: PLR2004
        raise InvalidInput.at("/name", "A collection's name has at most 120 characters.", "max_length")
    return name


def _free_slug(name: str) -> str:
    stem = slugify(name)[:50] or "collection"
    taken = set(Collection.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
