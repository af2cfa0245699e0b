"""Sources and citations in the shape that programs and pages read."""

from collections.abc import Iterable, Sequence
from typing import Any

from conversations.models import Citation, Source
from documents.links import passage_path
from retrieval.types import Hit
from tenants.links import absolute


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


def stored_sources(slug: str, rows: Iterable[Source]) -> list[dict[str, Any]]:
    return [
        {**_place(slug, row), "name": row.name, "text": row.text, "score": round(row.score, 4)} for row in rows
    ]


def stored_citations(slug: str, rows: Iterable[Citation]) -> list[dict[str, Any]]:
    return [{**_place(slug, row), "quote": row.quote, "verified": True} for row in rows]


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
