"""Searching and reading, in the shapes that ChatGPT's connectors and deep research read.

What comes out is read by a model outside: personal data that the organisation hides from models is hidden here
too, and so are signs that nobody sees.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count, F

from conversations.answering.evidence import vector_of
from conversations.mcp.progress import Report
from documents.links import passage_path
from documents.masking import Masker
from documents.models import Page
from documents.selectors import access_version, hidden_titles, list_collections, masking_rules
from providers.visible_text import without_unseen
from retrieval.ranking.reranking import reranked_aside
from retrieval.search import find_passages
from retrieval.types import Hit
from tenants.access import Access
from tenants.addresses.links import absolute, tenant_url
from tenants.db import run_in_tenant
from tenants.errors import NotFound

RESULTS = 10
# What one `fetch` gives: a fifth of what a model commonly reads at once.
MOST_CHARACTERS = 40_000
# How long one of the organisation's own patterns may look at a page: somebody waits.
_PATTERN_SECONDS = 0.1
# A document, and the page to begin with where it is long.
_ID = re.compile(r"(?P<document>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?::(?P<page>[1-9][0-9]{0,6}))?", re.I)


def id_of(document: UUID | str, page: int) -> str:
    """What `fetch` takes."""
    return f"{document}:{page}"


async def search(access: Access, arguments: Mapping[str, Any], _report: Report) -> dict[str, Any]:
    """The pages that fit a question best, best first."""
    query: str = arguments["query"]
    vector = await vector_of(access, query)
    found = await run_in_tenant(access.tenant_id, find_passages, access, query, vector, top_k=RESULTS)
    found = await reranked_aside(query, found)
    titles = await run_in_tenant(access.tenant_id, hidden_titles, [hit.title for hit in found.hits])
    # Re-ranked or not, a page is named once.
    pages = {id_of(hit.document, hit.page): hit for hit in reversed(found.hits)}
    return {
        "results": [
            {"id": one, "title": _page_title(titles[hit.title], hit.page), "url": _url_of(access, hit)}
            for one, hit in reversed(pages.items())
        ]
    }


def _page_title(title: str, page: int) -> str:
    return f"{without_unseen(title)}, page {page}"


def _url_of(access: Access, hit: Hit) -> str:
    path = passage_path(access.tenant_slug, hit.document, hit.version, hit.page, hit.start, hit.end)
    return absolute(path)


async def fetch(access: Access, arguments: Mapping[str, Any], _report: Report) -> dict[str, Any]:
    """A document, or as much of it as is given at once from a page on. Raises `NotFound`."""
    match = _ID.fullmatch(arguments["id"].strip())
    if match is None:
        raise _nothing()
    document, page = UUID(match["document"]), int(match["page"] or 1)
    return await run_in_tenant(access.tenant_id, _read, access, document, page)


def _nothing() -> NotFound:
    """Missing, foreign and malformed look the same."""
    return NotFound("There is nothing under this id. Take one that `search` has given.")


def _read(access: Access, document_id: UUID, wanted: int) -> dict[str, Any]:
    try:
        version = access_version(access, document_id)
    except NotFound as error:
        raise _nothing() from error
    pages = Page.objects.filter(version=version).order_by("number")
    lengths = dict(pages.values_list("number", F("end") - F("start")))
    given = _given(lengths, wanted)
    shown = _shown_to_models()
    texts = dict(pages.filter(number__in=given).values_list("number", "text"))
    parts = [f"--- Page {number} ---\n{_cut(shown(texts[number]))}" for number in given]
    document = version.document
    metadata = {
        "document": str(document_id),
        "name": shown(document.name),
        "collection": document.collection.name,
        "version": version.number,
        "pages": f"{given[0]}-{given[-1]}",
        "page_count": len(lengths),
        "language": document.language,
    }
    if given[-1] + 1 in lengths:
        metadata["next"] = id_of(document_id, given[-1] + 1)
    return {
        "id": id_of(document_id, wanted),
        "title": shown(document.title),
        "text": "\n\n".join(parts),
        "url": absolute(tenant_url(access.tenant_slug, "passage", document_id, version.number, wanted)),
        "metadata": metadata,
    }


def _given(lengths: Mapping[int, int], wanted: int) -> list[int]:
    """Which pages: all of a short document, else those from the wanted one on that are given at once."""
    if wanted not in lengths:
        raise _nothing()
    if sum(lengths.values()) <= MOST_CHARACTERS:
        return list(lengths)
    room = MOST_CHARACTERS - lengths[wanted]
    given = [wanted]
    while (room := room - lengths.get(given[-1] + 1, MOST_CHARACTERS + 1)) >= 0:
        given.append(given[-1] + 1)
    return given


def _cut(text: str) -> str:
    """A sheet without end is one page."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n--- The page goes on for {len(text) - MOST_CHARACTERS:,} characters ---"


def _shown_to_models() -> Callable[[str], str]:
    """How models may read a text of the active tenant's."""
    masker = Masker(masking_rules(), seconds=_PATTERN_SECONDS)
    return lambda text: without_unseen(masker.hide(text))


async def list_all(access: Access, _arguments: Mapping[str, Any], _report: Report) -> dict[str, Any]:
    """The collections that may be searched, by name."""

    def listed() -> list[dict[str, Any]]:
        rows = list_collections(access).annotate(total=Count("documents")).order_by("name", "id")
        return [
            {"id": str(one), "name": name, "slug": slug, "documents": documents}
            for one, name, slug, documents in rows.values_list("id", "name", "slug", "total")
        ]

    return {"collections": await run_in_tenant(access.tenant_id, listed)}
