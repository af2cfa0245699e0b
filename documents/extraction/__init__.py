"""From an uploaded file to text with places: see `sandbox` for how, `types` for what."""

from documents.extraction.page_stream import PageStream
from documents.extraction.sandbox import (
    draw_logo,
    extract,
    iter_pages,
    locate,
    network_isolation,
    render_page,
    unpack,
)
from documents.extraction.sniffing import ACCEPTED_EXTENSIONS, SNIFF_BYTES, sniff
from documents.extraction.types import (
    PAGE_SEPARATOR,
    PDF,
    PLAIN_TEXT,
    Block,
    Extraction,
    ExtractionError,
    Limits,
    Member,
    PageText,
    Rect,
)

__all__ = [
    "ACCEPTED_EXTENSIONS",
    "PAGE_SEPARATOR",
    "PDF",
    "PLAIN_TEXT",
    "SNIFF_BYTES",
    "Block",
    "Extraction",
    "ExtractionError",
    "Limits",
    "Member",
    "PageStream",
    "PageText",
    "Rect",
    "draw_logo",
    "extract",
    "iter_pages",
    "locate",
    "network_isolation",
    "render_page",
    "sniff",
    "unpack",
]
