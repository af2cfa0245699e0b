"""Web pages as Markdown. Nothing that a page refers to is fetched."""

import mmap
import re

from selectolax.lexbor import LexborHTMLParser

from documents.extraction.charsets import decode, looks_binary
from documents.extraction.formats import ParsedDocument
from documents.extraction.paging import markdown_pages
from documents.extraction.properties import known_properties
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError
from documents.extraction.web_text import AROUND_THE_TEXT, to_markdown

_DECLARATION_WITHIN = 4096
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})"
    rb"|<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.-]{2,40})",
    re.IGNORECASE,
)
_DEEPEST = 512
_NESTING = re.compile(
    r"<(/?)(?:div|span|ul|ol|dl|menu|table|section|article|main|blockquote|center|fieldset|figure|details|form|"
    r"header|address|pre|a|b|i|u|em|strong|font|small|big|tt|code)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
_PROPERTIES = {
    "author": "author",
    "dc.creator": "author",
    "article:author": "author",
    "description": "subject",
    "dc.subject": "subject",
    "keywords": "keywords",
    "article:published_time": "created",
    "dcterms.created": "created",
    "dc.date": "created",
    "date": "created",
    "article:modified_time": "modified",
    "dcterms.modified": "modified",
    "last-modified": "modified",
    "lang": "language",
}


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Read the whole page. Raises `ExtractionError` `not_text` or `no_text`."""
    page = decode_page(file[:])
    if looks_binary(page):
        raise ExtractionError("not_text", "The file is not a readable web page. Save it anew, in UTF-8.")
    tree = parsed(page)
    said = _said(tree)
    title = next(filter(None, (said.get(name) for name in ("title", "og:title", "h1"))), None)
    return ParsedDocument(title, None, markdown_pages(page_text(tree)), known_properties(said, _PROPERTIES))


def decode_page(data: bytes) -> str:
    """The characters of a page, by what it says of its encoding or, where that cannot be, by what they are."""
    declared = _DECLARED.search(data, 0, _DECLARATION_WITHIN)
    return decode(data, (declared[1] or declared[2]).decode("ascii") if declared else None)


def parsed(page: str) -> LexborHTMLParser:
    """The page's tree, without the tags that nest deeper than browsers follow them.

    The parser looks at all elements that are open for each that begins: a hundred thousand would take minutes.
    """
    if page.count("<") <= _DEEPEST:
        return LexborHTMLParser(page)
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag[1]:
            depth -= depth > 0
            return tag[0] if depth < _DEEPEST else ""
        depth += 1
        return tag[0] if depth <= _DEEPEST else ""

    return LexborHTMLParser(_NESTING.sub(kept, page))


def page_text(tree: LexborHTMLParser, leave_out: frozenset[str] = AROUND_THE_TEXT) -> str:
    """The page in Markdown, "" if it shows no text."""
    return save_string(to_markdown(tree.body, leave_out)) if tree.body is not None else ""


def _said(tree: LexborHTMLParser) -> dict[str, str]:
    """What the page says of itself by name: its metadata in lower case, "title", "lang" and its first "h1"."""
    said: dict[str, str] = {}
    for name in ("head title", "h1"):
        node = tree.css_first(name)
        said[name.split()[-1]] = node.text() if node is not None else ""
    said["lang"] = (tree.root.attributes.get("lang") or "") if tree.root is not None else ""
    for meta in tree.css("meta[content]"):
        attributes = meta.attributes
        name = attributes.get("name") or attributes.get("property") or attributes.get("http-equiv") or ""
        said.setdefault(name.lower(), attributes.get("content") or "")
    return {name: " ".join(save_string(value).replace("\xad", "").split()) for name, value in said.items()}
