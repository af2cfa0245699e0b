"""Old Word documents ([MS-DOC], Word 97 to 2003): the same headings, lists, tables and notes as a DOCX has.

The format does not keep where pages ended: pages are those that somebody broke, else cut like a text's.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from documents.extraction.compound import CompoundFile
from documents.extraction.containers import corrupt
from documents.extraction.doc_binary import DROPPED, Formatting, Sprms, WordFile, read_sprms
from documents.extraction.doc_properties import describe
from documents.extraction.doc_styles import read_numbering, read_styles, with_sprms
from documents.extraction.doc_tables import DEFINITION, RowText, table_rows
from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.office import no_text
from documents.extraction.paging import cut_markdown
from documents.extraction.word_numbering import Label, Numbering, roman
from documents.extraction.word_pages import PageWriter
from documents.extraction.word_styles import Style
from documents.extraction.word_text import Block, Break, Note, Row, make_block, on_one_line

_IN_TABLE, _ROW_END, _DEPTH, _INNER_CELL, _INNER_ROW_END = 0x2416, 0x2417, 0x6649, 0x244B, 0x244C
_SECTIONS, _SECTION_SIZE, _SECTION_BREAK = 6, 12, 0x3009
_STAYS_ON_PAGE = frozenset({b"\0", b"\1"})
_MAIN, _FOOTNOTES, _HEADERS, _ENDNOTES, _BOXES = 0, 1, 2, 5, 6
_NOTE_PLACES = ((_FOOTNOTES, 2, 3), (_ENDNOTES, 46, 47))  # part, then where references and texts are listed
_ENDS = frozenset("\r\x07\f")
_SHOWN = str.maketrans({"\v": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": "", DROPPED: "", "\xa0": " "})
_SHOWN |= dict.fromkeys((1, 3, 4, 5, 6, 8, 19, 20, 21), "")


@dataclass(slots=True)
class _Reader:
    word: WordFile
    styles: dict[int, Style]
    numbering: Numbering
    sections: dict[int, bytes]
    notes: dict[int, tuple[int, int, int]]
    counts: dict[int, int] = field(default_factory=dict)

    def items(self, start: int, end: int) -> Iterator[Block | Break | Row | None]:
        """The blocks and breaks of a stretch of the text; None where a table ends."""
        rows: list[RowText] = []
        cells: list[str] = []
        cell: list[str] = []
        notes: list[Note] = []
        for first, last, mark in self._paragraphs(start, end):
            form = self.word.paragraph(last)
            sprms: Sprms = form.sprms if form else {}
            if not _is_set(sprms, _IN_TABLE):
                yield from table_rows(rows)
                if rows:
                    yield None
                rows, cells, cell = [], [], []
                yield from self._block(first, last, form)
                yield from self._break(last, mark)
            elif _is_set(sprms, _ROW_END) and mark == "\x07":
                rows.append(RowText(tuple(cells), tuple(notes), sprms.get(DEFINITION, b"")))
                cells, cell, notes = [], [], []
            elif not _is_set(sprms, _INNER_ROW_END):
                for part in self._block(first, last, form):
                    if isinstance(part, Block):
                        cell.append(on_one_line(part))
                        notes.extend(part.notes)
                if mark == "\x07":
                    cells, cell = [*cells, " ".join(cell)], []
        yield from table_rows(rows)

    def _paragraphs(self, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        first = start
        for last in range(start, end):
            if (mark := self.word.text[last]) in _ENDS:
                yield first, last, mark
                first = last + 1
        if first < end:
            yield first, end, "\r"

    def _block(self, first: int, last: int, form: Formatting | None) -> Iterator[Block | Break]:
        style = self.styles.get(form.style if form else 0, Style())
        style = with_sprms(style, form.sprms if form else {})
        if style.breaks_page:
            yield Break.BEFORE
        text, notes = "", []
        for position in range(first, last):
            unit = self.word.text[position]
            if unit == "\x02":
                if position in self.notes:
                    notes.append(note := self._note(*self.notes[position]))
                    text += f"[{note.sign}]"
            else:
                text += unit
        text = text.translate(_SHOWN)
        label = self._label(style)
        if text.strip():
            yield make_block(text, tuple(notes), style, style.heading, label)

    def _label(self, style: Style) -> Label | None:
        if style.list_id in {"", "0"} or style.is_contents:
            return None
        return self.numbering.next(style.list_id, style.list_level or 0)

    def _break(self, last: int, mark: str) -> Iterator[Break]:
        if mark == "\f" and self.sections.get(last + 1) not in _STAYS_ON_PAGE:
            yield Break.EXPLICIT

    def _note(self, part: int, start: int, end: int) -> Note:
        count = self.counts[part] = self.counts.get(part, 0) + 1
        blocks = [item for item in self.items(start, end) if isinstance(item, (Block, Row))]
        sign = roman(count) if part == _ENDNOTES else str(count)
        return Note(sign, " ".join(map(on_one_line, blocks)))


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Open a DOC; its pages are made one by one.

    Raises `ExtractionError`: `corrupt_file`, `encrypted_file`, `unsupported_type` before Word 97; the pages
    raise `no_text` at their end.
    """
    compound = CompoundFile(lambda offset, size: file[offset : offset + size])
    try:
        word = WordFile.open(compound)
        reader = _Reader(word, read_styles(word), read_numbering(word), _sections(word), _notes(word))
    except (struct.error, IndexError) as error:
        raise corrupt() from error
    title, properties = describe(compound)
    return ParsedDocument(title=title, page_count=None, pages=_pages(reader), properties=properties)


def _is_set(sprms: Sprms, number: int) -> bool:
    return sprms.get(number, b"\0") != b"\0"


def _sections(word: WordFile) -> dict[int, bytes]:
    """How the sections begin, by where they do ([MS-DOC] 2.8.26): b"\\0" and b"\\1" on the page before."""
    raw = word.structure(_SECTIONS)
    count = max(0, (len(raw) - 4) // (4 + _SECTION_SIZE))
    found = {}
    for index in range(count):
        (position,) = struct.unpack_from("<I", raw, 4 * index)
        (place,) = struct.unpack_from("<2xI", raw, 4 * (count + 1) + _SECTION_SIZE * index)
        size = int.from_bytes(word.main[place : place + 2], "little") if place < len(word.main) else 0
        found[position] = read_sprms(word.main[place + 2 : place + 2 + size]).get(_SECTION_BREAK, b"\2")
    return found


def _notes(word: WordFile) -> dict[int, tuple[int, int, int]]:
    """Where each note's text is, by the position of the sign that refers to it."""
    found = {}
    for part, references, texts in _NOTE_PLACES:
        start, end = word.part(part)
        marks, bounds = word.structure(references), word.structure(texts)
        count = max(0, (len(marks) - 4) // 6)
        positions = struct.unpack_from(f"<{count}I", marks) if count else ()
        edges = struct.unpack(f"<{len(bounds) // 4}I", bounds[: len(bounds) // 4 * 4])
        for position, first, last in zip(positions, edges, edges[1:], strict=False):
            found[position] = (part, min(start + first, end), min(start + last, end))
    return found


def _pages(reader: _Reader) -> Iterator[ParsedPage]:
    items = [*reader.items(*reader.word.part(_MAIN)), *reader.items(*reader.word.part(_BOXES))]
    if not any(isinstance(item, (Block, Row)) for item in items):
        items = [*reader.items(*reader.word.part(_HEADERS))]
    has_pages = any(isinstance(item, Break) for item in items)
    writer = PageWriter(notes_at_end=has_pages)
    texts = []
    for item in items:
        if item is None:
            writer.end_table()
        elif not isinstance(item, Break):
            writer.put(item)
        elif writer.breaks(item):
            texts.append(writer.take(by=item))
    texts.append(writer.take())
    if not has_pages:
        texts = cut_markdown(texts[0])
    if not any(text.strip() for text in texts):
        raise no_text()
    for number, text in enumerate(texts, 1):
        yield ParsedPage(text=text, width=0.0, height=0.0, progress=number / len(texts))
