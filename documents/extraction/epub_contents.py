"""An e-book's table of contents: what its chapters are called whose own text does not say so."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from documents.extraction.containers import read_part
from documents.extraction.html import decode_page
from documents.extraction.saved_text import save_string

_NCX = "application/x-dtbncx+xml"
_MAX_CONTENTS = 8 * 2**20
_LONGEST = 200
_HEADING = re.compile(r"^#{1,6} ", re.M)


def chapter_titles(book: zipfile.ZipFile, package: etree._Element, folder: str) -> dict[str, str]:
    """By the name of a part in lower case, as the contents list it first; of EPUB 3's or else of EPUB 2's."""
    names = {name.lower(): name for name in book.namelist()}
    items = list(package.iter("{*}item"))
    found = [item for item in items if "nav" in item.get("properties", "").split()]
    found += [item for item in items if item.get("media-type") == _NCX]
    for item in found:
        place = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if place.lower() not in names:
            continue
        # not read as XML, for which the document type that most of these have would be forbidden
        tree = LexborHTMLParser(decode_page(read_part(book, names[place.lower()], _MAX_CONTENTS)))
        titles: dict[str, str] = {}
        for target, title in _entries(tree):
            part = posixpath.normpath(posixpath.join(posixpath.dirname(place), target)).lower()
            if title and len(title) <= _LONGEST:
                titles.setdefault(part, title)
        if titles:
            return titles
    return {}


def with_title(text: str, title: str | None) -> str:
    """A chapter's Markdown under its title, if it has no heading of its own."""
    if not title or not text or _HEADING.search(text):
        return text
    first, _, rest = text.partition("\n")
    if first.strip().casefold() == title.casefold():
        return f"# {title}\n{rest}"
    return f"# {title}\n\n{text}"


def _entries(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    """Where the entries lead, and what they say."""
    for link in tree.css("nav a[href]"):
        yield _target(link.attributes.get("href")), _words(link.text(deep=True))
    for point in tree.css("navpoint"):
        label, content = point.css_first("navlabel"), point.css_first("content")
        if label is not None and content is not None:
            yield _target(content.attributes.get("src")), _words(label.text(deep=True))


def _target(reference: str | None) -> str:
    return unquote((reference or "").partition("#")[0])


def _words(text: str) -> str:
    return " ".join(save_string(text).split())
