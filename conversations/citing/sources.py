"""Sources and citations in the shape that programs and pages read.

Whoever reads an old answer gets the words of a document only while they see it; afterwards its citations
read like those of a document that was deleted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from conversations.models import Citation, Source
from documents.links import passage_path
from documents.sight import documents_within_sight
from retrieval.types import Hit
from tenants.access import Access
from tenants.addresses.links import absolute


def source_items(slug: str, hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """What the model was given, numbered from 1."""
    return [
        {
            "marker": number,
            "document": str(hit.document),
            "name": hit.name,
            "title": hit.title,
            "version": hit.version,
            "page": hit.page,
            "text": hit.text,
            "score": round(hit.score, 4),
            "start": hit.start,
            "end": hit.end,
            "url": absolute(passage_path(slug, hit.document, hit.version, hit.page, hit.start, hit.end)),
        }
        for number, hit in enumerate(hits, start=1)
    ]


def stored_sources(access: Access, rows: Iterable[Source]) -> list[dict[str, Any]]:
    """The rows of any number of answers, in their order, as `access` may read them now. One query."""
    slug = access.tenant_slug
    items = [
        {**_place(slug, row), "name": row.name, "text": row.text, "score": round(row.score, 4)} for row in rows
    ]
    return as_seen(access, items)


def stored_citations(access: Access, rows: Iterable[Citation]) -> list[dict[str, Any]]:
    """The rows of any number of answers, in their order, as `access` may read them now. One query."""
    slug = access.tenant_slug
    return as_seen(access, [{**_place(slug, row), "quote": row.quote, "verified": True} for row in rows])


def by_document(places: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Citations of one answer, each document once: its pages as one reads them, its passages as `markers`."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for place in places:
        groups.setdefault(place["document"] or place["title"], []).append(place)
    return [
        {
            "title": group[0]["title"],
            "url": group[0]["url"],
            "pages": page_ranges(one["page"] for one in group),
            "markers": group,
        }
        for group in groups.values()
    ]


def page_ranges(pages: Iterable[int]) -> str:
    """Such as "3–5, 8"."""
    ranges: list[list[int]] = []
    for page in sorted(set(pages)):
        if ranges and ranges[-1][1] == page - 1:
            ranges[-1][1] = page
        else:
            ranges.append([page, page])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def traced_passages(access: Access, places: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Passages of a trace as `access` may see them now. One query."""
    slug = access.tenant_slug
    return as_seen(access, [{**place, "url": absolute(_traced_path(slug, place))} for place in places])


def as_seen(access: Access, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sources or citations, without words and address where `access` has no sight of the document now."""
    wanted = {UUID(item["document"]) for item in items if item["document"]}
    seen = set(map(str, documents_within_sight(access, wanted)))
    return [item if item["document"] in seen else _withheld(item) for item in items]


def _withheld(item: dict[str, Any]) -> dict[str, Any]:
    words = dict.fromkeys({"quote", "text"} & item.keys(), "")
    return {**item, "document": None, "url": None, **words}


def _traced_path(slug: str, place: Mapping[str, Any]) -> str:
    document = UUID(place["document"])
    return passage_path(slug, document, place["version"], place["page"], place["start"], place["end"])


def _place(slug: str, row: Source | Citation) -> dict[str, Any]:
    url = None
    if row.document_id is not None:
        url = absolute(passage_path(slug, row.document_id, row.version, row.page, row.start, row.end))
    return {
        "marker": row.marker,
        "document": str(row.document_id) if row.document_id else None,
        "version": row.version,
        "title": row.title,
        "page": row.page,
        "start": row.start,
        "end": row.end,
        "url": url,
    }
