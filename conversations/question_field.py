"""What the question field offers to pick while somebody types: places to search, saved prompts, assistants."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.selectors.personas import list_personas
from conversations.selectors.prompts import list_prompts
from documents.models import Status
from documents.selectors import list_collections, list_documents
from tenants.access import Access
from tenants.errors import InvalidInput

# Of each sort: whoever wants another one types on.
MOST = 8
_LONGEST_QUERY = 100

Offer = dict[str, Any]


def offers(access: Access, kind: str, wanted: str) -> list[Offer]:
    """What of a kind has all the wanted words in its name, what begins with them first, within sight."""
    if kind not in _KINDS:
        raise InvalidInput.at("/kind", f"The kind is one of: {', '.join(_KINDS)}.", "invalid_choice")
    return _KINDS[kind](access, " ".join(wanted[:_LONGEST_QUERY].split()))


def _places(access: Access, wanted: str) -> list[Offer]:
    """Collections, then documents: those that a question finds something in."""
    collections = _matching(list_collections(access), wanted, ("name",)).annotate(
        searched=Count("documents", filter=Q(documents__status=Status.READY))
    )
    found = list_documents(access).filter(Q(status=Status.READY) | Q(chunk_count__gt=0))
    documents = _matching(found, wanted, ("title", "name")).select_related("collection")
    return [
        *(
            {
                "kind": "collection",
                "id": str(one.id),
                "name": one.name,
                "about": ngettext("{n} document", "{n} documents", one.searched).format(n=one.searched),
            }
            for one in collections[:MOST]
        ),
        *(
            {
                "kind": "document",
                "id": str(one.id),
                "name": one.title,
                "about": _("Document in {collection}").format(collection=one.collection.name),
            }
            for one in documents[:MOST]
        ),
    ]


def _prompts(access: Access, wanted: str) -> list[Offer]:
    return [
        {"kind": "prompt", "id": str(one.id), "name": one.title, "about": _beginning(one.text), "text": one.text}
        for one in _matching(list_prompts(access), wanted, ("title", "text"))[:MOST]
    ]


def _assistants(access: Access, wanted: str) -> list[Offer]:
    return [
        {"kind": "assistant", "id": one.slug, "name": one.name, "about": one.description}
        for one in _matching(list_personas(access), wanted, ("name", "description"))[:MOST]
    ]


_KINDS: dict[str, Callable[[Access, str], list[Offer]]] = {
    "places": _places,
    "prompts": _prompts,
    "assistants": _assistants,
}
_BEGINNING = 80


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _BEGINNING else f"{line[: _BEGINNING - 1]}…"


def _matching(found: QuerySet[Any], wanted: str, fields: Sequence[str]) -> QuerySet[Any]:
    """Rows that have each word in one of the fields; by the first of them, which names the row."""
    for word in wanted.split():
        anywhere: list[Any] = [(f"{field}__icontains", word) for field in fields]
        found = found.filter(Q.create(anywhere, connector=Q.OR))
    if wanted:
        begins = When(**{f"{fields[0]}__istartswith": wanted}, then=Value(0))
        found = found.annotate(place=Case(begins, default=Value(1), output_field=IntegerField()))
    return found.order_by(*(["place"] if wanted else []), fields[0], "id")
