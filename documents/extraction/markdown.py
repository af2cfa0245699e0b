"""Markdown (CommonMark with GitHub's tables), kept as it is but for what makes it hard to recognise.

Headings that are underlined get their `#`, tables without outer bars get them, and front matter becomes the
document's properties.
"""

import mmap
import re

from documents.extraction.charsets import decode, looks_binary
from documents.extraction.formats import ParsedDocument
from documents.extraction.paging import markdown_pages
from documents.extraction.plain_text import not_text
from documents.extraction.properties import known_properties
from documents.extraction.saved_text import save_string

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n((?:.*\n)*?)(?:\1|\.\.\.)[ \t]*(?:\n|$)")
_MAX_FRONT_MATTER = 64 * 1024
_FIELD = re.compile(r"([A-Za-z][\w-]*)\s*[:=](?:\s+|$)(.*)")
_FIELD_LINE = re.compile(r"\s*$|\s|[A-Za-z][\w-]*\s*[:=](?:\s|$)|[-#\[\]]")
_PROPERTIES = {
    "author": "author",
    "authors": "author",
    "description": "subject",
    "summary": "subject",
    "subject": "subject",
    "keywords": "keywords",
    "tags": "keywords",
    "date": "created",
    "created": "created",
    "modified": "modified",
    "updated": "modified",
    "lastmod": "modified",
    "lang": "language",
    "language": "language",
}

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NO_PARAGRAPH = re.compile(r"\s*$| {4}|\t| {0,3}(?:#{1,6}(?:\s|$)|>|[-+*]\s|\d{1,9}[.)]\s|<|(?:[-*_]\s*){3,}$)")
_STANDS_ALONE = re.compile(r"\s*$| {0,3}(?:#{1,6}(?:\s|$)|(?:[-*_]\s*){3,}$)")
_DELIMITERS = re.compile(r" {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_BAR = re.compile(r"(?<!\\)\|")
_CLOSING_BAR = re.compile(r"(?<!\\)\|$")
_MARKS = re.compile(r"[*_`]+")


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Read the whole text. Raises `ExtractionError` `not_text` or `no_text`."""
    text = save_string(decode(file[:])).removeprefix("\ufeff")
    if looks_binary(text):
        raise not_text()
    fields, text = _front_matter(text)
    text = "\n".join(_Lines().normalised(text.split("\n")))
    title = fields.get("title") or _first_heading(text) or None
    return ParsedDocument(title, None, markdown_pages(text), known_properties(fields, _PROPERTIES))


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields between two lines of marks at the very beginning, and the text after them."""
    matter = _FRONT_MATTER.match(text, 0, _MAX_FRONT_MATTER)
    lines = matter[2].split("\n") if matter else []
    if matter is None or not all(_FIELD_LINE.match(line) for line in lines):
        return {}, text  # a line across the page, and prose
    fields: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if field := _FIELD.match(line):
            name = field[1].lower()
            is_list = field[2].startswith("[")
            fields[name] = [_value(part) for part in (field[2].strip("[]").split(",") if is_list else [field[2]])]
        elif name and (more := _value(line.strip().removeprefix("- "))):
            fields[name].append(more)
    joined = {name: ", ".join(filter(None, values)) for name, values in fields.items()}
    return joined, text[matter.end() :]


def _value(text: str) -> str:
    return text.strip().strip("\"'|>").strip()


def _first_heading(text: str) -> str:
    """The words of the heading that the text begins with, if it is of level 1."""
    heading = _HEADING.match(text.lstrip("\n").split("\n", 1)[0])
    return _MARKS.sub("", heading[2] or "") if heading and heading[1] == "#" else ""


class _Lines:
    """Goes over a document's lines once."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._fence = ""
        self._paragraph = 0  # lines of the open paragraph
        self._is_table = False
        self._may_open = True  # whether a paragraph can begin here: not in an item, a quote or HTML

    def normalised(self, lines: list[str]) -> list[str]:
        for line in lines:
            self._add(line)
        return self._done

    def _add(self, line: str) -> None:
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and line.strip() == fence[1]:
                self._fence = ""
            self._done.append(line)
        elif fence:
            self._fence = fence[1]
            self._end_paragraph(line)
        elif self._paragraph and (underline := _UNDERLINE.match(line)):
            words = " ".join(part.strip() for part in self._done[-self._paragraph :])
            self._done[-self._paragraph :] = [f"{'#' if underline[1][0] == '=' else '##'} {words}"]
            self._end_paragraph()
        elif self._paragraph and _DELIMITERS.match(line) and _columns(self._done[-1]) == _columns(line):
            self._done[-1:] = [_with_bars(self._done[-1]), _with_bars(line)]
            self._end_paragraph()
            self._is_table = True
        elif self._is_table and "|" in line and not _NO_PARAGRAPH.match(line):
            self._done.append(_with_bars(line))
        elif _NO_PARAGRAPH.match(line):
            self._end_paragraph(line)
            self._may_open = _STANDS_ALONE.match(line) is not None
        else:
            self._done.append(line)
            self._is_table = False
            self._paragraph += self._may_open

    def _end_paragraph(self, line: str | None = None) -> None:
        """Close what is open; `line` comes after it."""
        self._paragraph, self._may_open, self._is_table = 0, True, False
        if line is not None:
            self._done.append(line)


def _columns(line: str) -> int:
    """How many columns a row of a table has; 0 if it is none."""
    bars = len(_BAR.findall(line.strip().strip("|")))
    return bars + 1 if "|" in line else 0


def _with_bars(line: str) -> str:
    line = line.strip()
    return ("" if line.startswith("|") else "| ") + line + ("" if _CLOSING_BAR.search(line) else " |")
