"""How a document would be cut with other sizes. Nothing is stored, nothing else changes."""

from collections.abc import Iterator

from documents.document_passages import Cutter, Passage
from documents.embedders import embedder_of, get_or_create_index
from documents.masking import PatternTimeout
from documents.models import Document, DocumentVersion, Page
from documents.selectors import masking_rules
from documents.services.sizes import Sizes
from tenants.errors import Conflict

MAX_PAGES = 100
"""A preview ends there: whoever waits for it sees by then how the sizes work."""


def preview_passages(document: Document, sizes: Sizes) -> Iterator[Passage]:
    """The passages of the first pages of the current version, in order, as processing anew would make them.

    In the caller's unit; what is not asked for is not cut. Raises `Conflict` when a pattern of the masking takes
    too long.
    """
    version = DocumentVersion.objects.get(document=document, number=document.current_version)
    cutter = Cutter(
        title=document.title,
        media_type=version.media_type,
        size=sizes.size,
        overlap=sizes.overlap,
        embedder=embedder_of(get_or_create_index().model),
        rules=masking_rules(),
    )
    pages = Page.objects.filter(version=version).order_by("number")
    for page in pages.only("number", "start", "text", "label", "headings")[:MAX_PAGES]:
        try:
            yield from cutter.cut(page)
        except PatternTimeout as error:
            raise Conflict(str(error), code="pattern_timeout") from error
