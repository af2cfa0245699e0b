"""Writes: collections."""

from django.utils.text import slugify

from documents.models import Collection, Document
from documents.services.documents import erase_documents
from tenants.access import Access
from tenants.audit import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput, PermissionRefused
from tenants.permissions import Action

DEFAULT_NAME = "Documents"


def create_default_collection() -> None:
    """What a new tenant starts with. Registered with `on_tenant_created`."""
    Collection.objects.create(name=DEFAULT_NAME, slug=slugify(DEFAULT_NAME), is_default=True)


def create_collection(*, access: Access, name: str) -> Collection:
    """Create a collection; its slug is made from the name and never changes."""
    access.require(Action.WRITE_DOCUMENTS)
    name = _clean_name(name)
    with tenant_atomic(access.tenant_id):
        collection: Collection = Collection.objects.create(
            name=name, slug=_free_slug(name), created_by_id=access.user_id
        )
        record(access, "collection.created", target_kind="collection", target_id=collection.id)
    return collection


def rename_collection(*, access: Access, collection: Collection, name: str) -> Collection:
    require_change(access, collection)
    with tenant_atomic(access.tenant_id):
        collection.name = _clean_name(name)
        collection.save(update_fields=["name", "updated_at"])
        record(access, "collection.renamed", target_kind="collection", target_id=collection.id)
    return collection


def delete_collection(*, access: Access, collection: Collection) -> None:
    """Delete a collection with everything in it. The default one stays: uploads need a place."""
    require_change(access, collection)
    if collection.is_default:
        raise InvalidInput("The default collection cannot be deleted.", code="default_collection")
    with tenant_atomic(access.tenant_id):
        documents = list(Document.objects.filter(collection=collection).select_for_update())
        erase_documents(documents)
        record(
            access,
            "collection.deleted",
            target_kind="collection",
            target_id=collection.id,
            documents=len(documents),
        )
        collection.delete()


def require_change(access: Access, collection: Collection) -> None:
    """Members change what they made, admins all; others get `PermissionRefused`."""
    access.require(Action.WRITE_DOCUMENTS)
    if collection.created_by_id != access.user_id and not access.allows(Action.MANAGE_DOCUMENTS):
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
