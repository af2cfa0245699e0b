"""An e-book's table of contents: what its chapters are called whose own text does not say so."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

from lxml import etree

from documents.extraction.containers import read_part
from documents.extraction.html import decode_page
from documents.extraction.saved_text import save_string
from documents.extraction.types import ExtractionError

_NCX = "application/x-dtbncx+xml"
_MAX_CONTENTS = 8 * 2**20
_LONGEST = 200
_LINK = re.compile(r"<a\s[^<>]*?\bhref\s*=\s*[\"']([^\"'<>]*)[\"'][^<>]*>(.{0,1000}?)</a\s*>", re.I | re.S)
_POINT = re.compile(r"<(?:\w+:)?navPoint\b", re.I)
_LABEL = re.compile(r"<(?:\w+:)?text\s*>(.{0,1000}?)</", re.I | re.S)
_CONTENT = re.compile(r"<(?:\w+:)?content\s[^<>]*?\bsrc\s*=\s*[\"']([^\"'<>]*)[\"']", re.I)
_TAG = re.compile(r"<[^<>]*>")
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
        try:
            contents = decode_page(read_part(book, names[place.lower()], _MAX_CONTENTS))
        except ExtractionError:  # the book can be read all the same
            continue
        titles: dict[str, str] = {}
        for target, title in _entries(contents):
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


def _entries(contents: str) -> Iterator[tuple[str, str]]:
    """Where the entries lead, and what they say.

    Found by patterns, because most such files have the document type that XML may not have here, and as a web page
    one that is nested without end would take minutes; a book must not fail for its contents.
    """
    for link in _LINK.finditer(contents):
        yield _target(link[1]), _words(link[2])
    for point in _POINT.split(contents)[1:]:
        label, target = _LABEL.search(point), _CONTENT.search(point)
        if label and target:
            yield _target(target[1]), _words(label[1])


def _target(reference: str) -> str:
    return unquote(unescape(reference).partition("#")[0])


def _words(markup: str) -> str:
    return " ".join(save_string(unescape(_TAG.sub("", markup))).split())
