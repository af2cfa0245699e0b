"""Word documents (ISO/IEC 29500): read as a stream, paragraph by paragraph, on the pages that the file names.

A file that was laid out says where its pages ended (`lastRenderedPageBreak`); any may have breaks that
somebody put there. One with neither is cut like a text (see `paging`).
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import IO

from lxml import etree

from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.office import Package, attribute, child, forget, is_on, local, no_text, parsing, stream
from documents.extraction.paging import cut_markdown
from documents.extraction.word_numbering import Numbering
from documents.extraction.word_pages import PageWriter
from documents.extraction.word_styles import Styles
from documents.extraction.word_text import TRANSPARENT, Block, Break, Row, TextReader, is_deleted

_AROUND = TRANSPARENT | {"body", "document"}
_CUT_AT = 60_000  # characters of a document without pages that are cut into pages at once
_STAYS_ON_PAGE = frozenset({"continuous", "nextColumn"})


class _End(Enum):
    """What ended between two blocks."""

    TABLE = auto()
    SECTION = auto()


@dataclass(slots=True)
class _Layout:
    """What must be known before the first page: how each section begins, and whether there are pages at all."""

    sections: list[str] = field(default_factory=list)
    has_breaks: bool = False
    title: str = ""

    @property
    def has_pages(self) -> bool:
        return self.has_breaks or any(kind not in _STAYS_ON_PAGE for kind in self.sections[1:])


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Open a DOCX; its pages are read one by one.

    Raises what `open_container` raises, the pages too, and `no_text` at their end.
    """
    package = Package(file)
    title, properties = package.describe()
    styles = Styles.read(_related(package, "styles"))
    lists = {id_: style.list_id for id_, style in styles.by_id.items()}
    reader = TextReader(styles, Numbering.read(_related(package, "numbering"), lists), _notes(package))
    layout = _layout(package, styles)
    return ParsedDocument(
        title=title or layout.title or None,
        page_count=None,
        pages=_pages(package, reader, layout),
        properties=properties,
    )


def _related(package: Package, kind: str) -> etree._Element | None:
    parts = package.related(package.main(), kind)
    return package.tree(parts[0]) if parts else None


def _notes(package: Package) -> dict[tuple[str, str], etree._Element]:
    """The footnotes and endnotes by kind and id."""
    notes = {}
    for kind in ("footnote", "endnote"):
        root = _related(package, f"{kind}s")
        for element in () if root is None else root:
            notes[kind, attribute(element, "id")] = element
    return notes


def _layout(package: Package, styles: Styles) -> _Layout:
    layout = _Layout()
    with package.open(package.main()) as part:
        for element in _top_elements(part):
            if local(element) == "p":
                _survey(element, styles, layout)
            elif local(element) == "sectPr":
                layout.sections.append(_section_kind(element))
            layout.has_breaks = layout.has_breaks or any(
                local(mark) != "br" or attribute(mark, "type") == "page"
                for mark in element.iter("{*}lastRenderedPageBreak", "{*}br")
            )
    return layout


def _survey(element: etree._Element, styles: Styles, layout: _Layout) -> None:
    properties = child(element, "pPr")
    style = styles.get(attribute(child(properties, "pStyle"), "val"))
    layout.has_breaks = layout.has_breaks or style.breaks_page or is_on(child(properties, "pageBreakBefore"))
    section = child(properties, "sectPr")
    if section is not None:
        layout.sections.append(_section_kind(section))
    if style.is_title and not layout.title:
        layout.title = " ".join("".join(text.text or "" for text in element.iter("{*}t")).split())


def _section_kind(section: etree._Element) -> str:
    return attribute(child(section, "type"), "val", "nextPage")


def _pages(package: Package, reader: TextReader, layout: _Layout) -> Iterator[ParsedPage]:
    main = package.main()
    size = max(1, package.size(main))
    writer = PageWriter(notes_at_end=layout.has_pages)
    has_text, rest, progress = False, "", 0.0
    with package.open(main) as part:
        for ended in _written(part, reader, layout, writer):
            progress = min(part.tell() / size, 1.0)
            texts = [ended]
            if not layout.has_pages:
                *texts, rest = cut_markdown(f"{rest}\n\n{ended}" if rest else ended)
            for text in texts:
                has_text = has_text or bool(text.strip())
                yield _page(text, progress)
    last = writer.take()
    if not has_text and not f"{rest}{last}".strip():
        last = _headers(package, reader)
        if not last:
            raise no_text()
    for text in [last] if layout.has_pages else cut_markdown(f"{rest}\n\n{last}" if rest else last):
        yield _page(text, 1.0)


def _page(text: str, progress: float) -> ParsedPage:
    return ParsedPage(text=text, width=0.0, height=0.0, progress=progress)


def _written(part: IO[bytes], reader: TextReader, layout: _Layout, writer: PageWriter) -> Iterator[str]:
    """The texts of the pages that ended; what is left is still with the writer."""
    sections = iter(layout.sections[1:])
    for item in _items(part, reader):
        if item is _End.TABLE:
            writer.end_table()
        elif item is _End.SECTION:
            if next(sections, "continuous") not in _STAYS_ON_PAGE:
                yield writer.take(by=Break.EXPLICIT)
        elif isinstance(item, Break):
            if writer.breaks(item):
                yield writer.take(by=item)
        else:
            if isinstance(item, Row) and item.has_break_before and writer.breaks(Break.RENDERED):
                yield writer.take(by=Break.RENDERED)
            writer.put(item)
            for _ in range(item.breaks_inside if isinstance(item, Row) else 0):
                yield writer.take(by=Break.RENDERED)
        if not layout.has_pages and writer.size > _CUT_AT:
            yield writer.take()


def _items(part: IO[bytes], reader: TextReader) -> Iterator[Block | Break | Row | _End]:
    """The document's blocks. A table that is a single cell is a frame around what it holds, and no table."""
    first: Row | None = None
    is_inside = False
    for element in _top_elements(part):
        name = local(element)
        if name == "p":
            yield from reader.paragraph(element)
            if child(element, "pPr", "sectPr") is not None:
                yield _End.SECTION
        elif name == "tr" and not is_deleted(element):
            row = reader.row(element)
            if row.alone and not is_inside:
                first = row
            else:
                if first is not None:
                    yield first
                first = None
                yield row
            is_inside = True
        elif name == "tbl":
            yield from first.alone if first is not None else ()
            first, is_inside = None, False
            yield _End.TABLE


def _top_elements(part: IO[bytes]) -> Iterator[etree._Element]:
    """Paragraphs, rows, tables and sections that stand in no other paragraph or cell; each is freed after use."""
    with parsing():
        for element in stream(part, "p", "tr", "tbl", "sectPr"):
            if _is_at_top(element):
                yield element
                forget(element)


def _is_at_top(element: etree._Element) -> bool:
    wants_table = local(element) == "tr"
    for ancestor in element.iterancestors():
        if wants_table and local(ancestor) == "tbl":
            wants_table = False
        elif local(ancestor) not in _AROUND:
            return False
    return not wants_table


def _headers(package: Package, reader: TextReader) -> str:
    """What the headers and footers say, which counts only where nothing else does."""
    writer = PageWriter(notes_at_end=True)
    for kind in ("header", "footer"):
        for name in package.related(package.main(), kind):
            for part in reader.blocks(package.tree(name)):
                if not isinstance(part, Break):
                    writer.put(part)
    return writer.take()
