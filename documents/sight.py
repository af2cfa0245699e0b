"""What lies within a person's sight, by queries that are kept: every question asks for it several times."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from documents.selectors import readable_documents, visible_collections
from tenants.access import Access
from tenants.database.prepared_queries import Prepared, any_of
from tenants.permissions import Role

# What is kept for all who see everything names none of them.
_NOBODY = UUID(int=0)


def names_within_sight(access: Access, *, attached_to: UUID | None = None) -> dict[UUID, str]:
    """The names of `visible_collections`, in their order."""
    sees_all = access.sees_restricted
    kept = _names_by_sight.setdefault((access.role, sees_all, attached_to is None), _names(access))
    given = {} if sees_all and attached_to is None else {"user": access.user_id}
    if attached_to is not None:
        given["attached_to"] = attached_to
    # Which ones a token is limited to is different for each.
    limit = access.collections
    return {one: name for one, name in kept.rows(**given) if limit is None or one in limit}


def _names(access: Access) -> Prepared:
    """For everybody with the role and the rights of `access`."""

    def build(user: UUID = _NOBODY, attached_to: UUID | None = None) -> QuerySet[Any, tuple[Any, ...]]:
        other = replace(access, user_id=user, collections=None)
        return visible_collections(other, attached_to=attached_to).order_by("name").values_list("id", "name")

    return Prepared(build)


_names_by_sight: dict[tuple[Role, bool, bool], Prepared] = {}


def documents_within_sight(access: Access, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the documents that are among `readable_documents`."""
    wanted = sorted(ids)
    if not wanted:
        return set()
    key = (access.role, access.sees_restricted)
    kept = _documents_by_sight.setdefault(key, _documents(access))
    rows, limit = kept.rows(user=access.user_id, ids=wanted), access.collections
    return {one for one, collection in rows if limit is None or collection in limit}


def _documents(access: Access) -> Prepared:
    """For everybody with the role and the rights of `access`."""

    def build(user: UUID, ids: UUID) -> QuerySet[Any, tuple[Any, ...]]:
        found = readable_documents(replace(access, user_id=user, collections=None))
        return found.filter(any_of("id", ids)).values_list("id", "collection_id")

    return Prepared(build)


_documents_by_sight: dict[tuple[Role, bool], Prepared] = {}
