"""E-books (EPUB 2 and 3): the chapters in the order of reading, as Markdown."""

import mmap
import posixpath
import re
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree

from documents.extraction.containers import corrupt, open_container, open_part, read_part
from documents.extraction.epub_contents import chapter_titles, with_title
from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.html import decode_page, page_text, parsed
from documents.extraction.office import parsing, xml_parser
from documents.extraction.paging import cut_markdown
from documents.extraction.properties import known_properties
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES_OF_TEXT = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_MAX_CHAPTER = 32 * 2**20
_CONTENTS = frozenset({"nav"})  # the table of contents; asides are footnotes here
_FONT_ALGORITHMS = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
_EMPTY_TAG = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)[\s/])([a-z][\w:-]*)(\s[^<>]*)?/>",
    re.I,
)
_PROPERTIES = {
    "creator": "author",
    "subject": "keywords",
    "description": "subject",
    "date": "created",
    "dcterms:modified": "modified",
    "language": "language",
}


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Find the chapters; they are read one by one.

    Raises what `open_container` raises, `encrypted_file` for a book under digital rights management, and
    `no_text` at the end of the pages.
    """
    book = open_container(file)
    if _is_locked(book):
        raise ExtractionError(
            "encrypted_file",
            "The e-book is protected by digital rights management. Upload an edition without it.",
        )
    place = next((e.get("full-path", "") for e in _tree(book, _CONTAINER).iter("{*}rootfile")), "")
    package = _tree(book, _actual(book, place))
    said = _said(package)
    folder = posixpath.dirname(place)
    chapters, titles = _chapters(book, package, folder), chapter_titles(book, package, folder)
    pages = _pages(book, chapters, titles)
    return ParsedDocument(said.get("title"), None, pages, known_properties(said, _PROPERTIES))


def _pages(book: zipfile.ZipFile, chapters: list[str], titles: dict[str, str]) -> Iterator[ParsedPage]:
    """Each chapter's pages; a chapter begins a page."""
    has_text = False
    for number, name in enumerate(chapters, 1):
        tree = parsed(_without_empty_tags(decode_page(read_part(book, name, _MAX_CHAPTER))))
        text = with_title(page_text(tree, _CONTENTS), titles.get(name.lower()))
        for page in cut_markdown(text):
            has_text = True
            yield ParsedPage(text=page, width=0.0, height=0.0, progress=number / len(chapters))
    if not has_text:
        raise ExtractionError(
            "no_text", "The e-book holds no text. If its pages are pictures, upload it as a PDF."
        )


def _said(package: etree._Element) -> dict[str, str]:
    """What the book says of itself by name; several of a name are joined."""
    said: dict[str, list[str]] = {}
    for metadata in package.iterchildren("{*}metadata"):
        for element in metadata.iter("{*}*"):
            name = element.get("property") or str(element.tag).rpartition("}")[2]
            text = " ".join(save_string("".join(map(str, element.itertext()))).split())
            is_refining = element.get("refines") is not None
            if text and not is_refining and not (name == "date" and "date" in said):
                said.setdefault(name, []).append(text)
    return {name: values[0] if name == "title" else ", ".join(values) for name, values in said.items()}


def _chapters(book: zipfile.ZipFile, package: etree._Element, folder: str) -> list[str]:
    """The names of the parts with text, in the order of the spine; parts that are missing are passed over."""
    parts = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", "").partition("#")[0])))
        for item in package.iter("{*}item")
        if item.get("media-type", "").lower() in _PAGES_OF_TEXT and "nav" not in item.get("properties", "").split()
    }
    spine = [parts[i.get("idref")] for i in package.iter("{*}itemref") if i.get("idref") in parts]
    names = {name.lower(): name for name in book.namelist()}
    found = [names[part.lower()] for part in dict.fromkeys(spine or parts.values()) if part.lower() in names]
    if not found:
        raise corrupt()
    return found


def _is_locked(book: zipfile.ZipFile) -> bool:
    """Whether more than fonts is encrypted (EPUB OCF 3.3, section 4.2.6.3.3)."""
    if _ENCRYPTION not in book.namelist():
        return False
    methods = [e.get("Algorithm", "") for e in _tree(book, _ENCRYPTION).iter("{*}EncryptionMethod")]
    return any(method not in _FONT_ALGORITHMS for method in methods)


def _actual(book: zipfile.ZipFile, name: str) -> str:
    wanted = unquote(name).lower()
    return next((actual for actual in book.namelist() if actual.lower() == wanted), name)


def _tree(book: zipfile.ZipFile, name: str) -> etree._Element:
    with open_part(book, name) as part, parsing():
        root = etree.parse(part, xml_parser(recovers=True)).getroot()
    if root is None:
        raise corrupt()
    return root


def _without_empty_tags(page: str) -> str:
    """XML may write an element without content as one tag; to HTML that would be a beginning without an end."""
    return _EMPTY_TAG.sub(r"<\1\2></\1>", page)
