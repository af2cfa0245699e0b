"""From the paragraphs and tables of a Word document to blocks of text with what interrupts them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Literal

from lxml import etree

from documents.extraction.office import attribute, child, is_on, local, number
from documents.extraction.tables import markdown_cell
from documents.extraction.word_numbering import Label, Numbering, roman
from documents.extraction.word_styles import MAX_HEADING_LEVEL, Style, Styles, heading_of

MAX_COLUMNS = 256
"""Word itself allows 63; a file may claim any number."""

TRANSPARENT = frozenset(
    {"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "AlternateContent", "Choice"}
)
"""Elements that merely surround paragraphs, tables and rows."""

_SKIPPED = frozenset({"pPr", "rPr", "sdtPr", "sdtEndPr", "instrText", "ffData", "binData", "commentReference"})
_SKIPPED |= {"del", "moveFrom", "delText", "delInstrText", "Fallback", "rt", "tbl", "annotationRef"}
_SYMBOLS = {0xA7: "▪", 0xA8: "☐", 0xB7: "•", 0xE0: "→", 0xFC: "✓", 0xFE: "☒"}  # of Wingdings and Symbol
_SYMBOL_AREA = range(0xF000, 0xF100)
_SOFT_HYPHEN = "\u00ad"


class Break(Enum):
    """Where a page ends: as Word last laid it out, because somebody said so, or before such a paragraph."""

    RENDERED = auto()
    EXPLICIT = auto()
    BEFORE = auto()


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote or endnote that is referred to: the sign in the text, and its text."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, paragraph or list item. Of an item `marker` is "-" or "3.", `level` counts from 0."""

    kind: Literal["heading", "paragraph", "item"]
    text: str
    notes: tuple[Note, ...] = ()
    marker: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row; `breaks_inside` says how many pages end within."""

    cells: tuple[str, ...]
    notes: tuple[Note, ...]
    width: int
    has_break_before: bool
    breaks_inside: int
    alone: tuple["Block | Break | Row", ...]  # what a cell that is alone in its row holds


@dataclass(frozen=True, slots=True)
class _Reference:
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class _Box:
    element: etree._Element


@dataclass(slots=True)
class TextReader:
    """Reads a document's elements in their order, because lists and notes count on."""

    styles: Styles
    numbering: Numbering
    note_texts: dict[tuple[str, str], etree._Element] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def blocks(self, container: etree._Element) -> Iterator[Block | Break | Row]:
        """Everything in a cell, a text box, a header, a note."""
        for element in container:
            name = local(element)
            if name == "p":
                yield from self.paragraph(element)
            elif name == "tbl":
                yield from (self.row(row) for row in _within(element, "tr") if not is_deleted(row))
            elif name in TRANSPARENT:
                yield from self.blocks(element)

    def paragraph(self, element: etree._Element) -> Iterator[Block | Break | Row]:
        """A paragraph's text, cut where pages end, then that of the text boxes anchored in it."""
        properties = child(element, "pPr")
        style = self.styles.get(attribute(child(properties, "pStyle"), "val"))
        own = child(properties, "pageBreakBefore")
        if is_on(own) if own is not None else style.breaks_page:
            yield Break.BEFORE
        heading = heading_of(properties, style.heading)
        label = self._label(properties, style)
        text, notes, boxes = "", [], []
        for piece in [*_pieces(element), None]:
            if isinstance(piece, str):
                text += piece
            elif isinstance(piece, _Reference):
                notes.append(note := self._note(piece))
                text += f"[{note.sign}]"
            elif isinstance(piece, _Box):
                boxes.append(piece.element)
            else:
                if text.strip():
                    yield make_block(text, tuple(notes), style, heading, label)
                    text, notes, label = "", [], None
                if piece is not None:
                    yield piece
        for box in boxes:
            yield from (part for part in self.blocks(box) if not isinstance(part, Break))

    def row(self, element: etree._Element) -> Row:
        """A table's row."""
        properties = child(element, "trPr")
        skipped = min(number(attribute(child(properties, "gridBefore"), "val")), MAX_COLUMNS)
        cells, notes, before, inside = [""] * skipped, list[Note](), 0, 0
        alone: tuple[Block | Break | Row, ...] = ()
        for cell in _within(element, "tc"):
            alone = tuple(self.blocks(cell))
            parts = [part for part in alone if not isinstance(part, Break)]
            leading = next((i for i, part in enumerate(alone) if not isinstance(part, Break)), len(alone))
            before = max(before, leading)
            inside = max(inside, len(alone) - len(parts) - leading)
            notes.extend(note for part in parts for note in part.notes)
            merge = child(cell, "tcPr", "vMerge")
            is_continued = merge is not None and attribute(merge, "val", "continue") == "continue"
            cells.append("" if is_continued else markdown_cell(" ".join(map(on_one_line, parts))))
            cells.extend([""] * (_span(cell) - 1))
        table = next(element.iterancestors("{*}tbl"), None)
        grid = child(table, "tblGrid")
        return Row(
            cells=tuple(cells[:MAX_COLUMNS]),
            notes=tuple(notes),
            width=min(max(len(cells), 0 if grid is None else len(grid)), MAX_COLUMNS),
            has_break_before=bool(before),
            breaks_inside=inside,
            alone=alone if len(cells) == 1 else (),
        )

    def _label(self, properties: etree._Element | None, style: Style) -> Label | None:
        numbering = child(properties, "numPr")
        list_id = attribute(child(numbering, "numId"), "val", style.list_id)
        is_deleted_item = child(properties, "rPr", "del") is not None
        if list_id in {"", "0"} or style.is_contents or is_deleted_item:
            return None
        level = attribute(child(numbering, "ilvl"), "val")
        if level or style.list_level is not None:
            return self.numbering.next(list_id, number(level, style.list_level or 0))
        of_style = self.numbering.level_of_style(list_id, attribute(child(properties, "pStyle"), "val"))
        label = self.numbering.next(list_id, of_style)
        return label if label is None else replace(label, level=style.shown_level or label.level)

    def _note(self, reference: _Reference) -> Note:
        count = self._counts[reference.kind] = self._counts.get(reference.kind, 0) + 1
        element = self.note_texts.get((reference.kind, reference.id))
        parts = [] if element is None else [p for p in self.blocks(element) if not isinstance(p, Break)]
        sign = roman(count) if reference.kind == "endnote" else str(count)
        return Note(sign, " ".join(on_one_line(part) for part in parts))


def is_deleted(row: etree._Element) -> bool:
    """Whether a tracked change took the row out."""
    return child(row, "trPr", "del") is not None


def make_block(text: str, notes: tuple[Note, ...], style: Style, heading: int, label: Label | None) -> Block:
    """A paragraph's text as what its style and its place in a list make it."""
    text = text.replace(_SOFT_HYPHEN, "").strip()
    if heading:
        words = " ".join([label.text if label else "", *text.split()]).strip()
        return Block("heading", f"{'#' * min(heading, MAX_HEADING_LEVEL)} {words}", notes)
    if style.is_contents:
        return Block("item", text, notes, marker="-")
    if label is None:
        return Block("paragraph", f"\\{text}" if text.startswith("#") else text, notes)
    if label.number is not None:
        return Block("item", text, notes, marker=f"{label.number}.", level=label.level)
    return Block("item", f"{label.text} {text}".strip(), notes, marker="-", level=label.level)


def on_one_line(part: Block | Row) -> str:
    """A block as part of one line."""
    if isinstance(part, Row):
        return " ".join(filter(None, part.cells)) + ";"
    if part.kind == "heading":
        return part.text.lstrip("# ")
    return part.text if part.marker in {"", "-"} else f"{part.marker} {part.text}"


def _within(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The children of that name, also those inside content controls and the like."""
    for inner in element:
        if local(inner) == name:
            yield inner
        elif local(inner) in TRANSPARENT:
            yield from _within(inner, name)


def _span(cell: etree._Element) -> int:
    return min(max(number(attribute(child(cell, "tcPr", "gridSpan"), "val"), 1), 1), MAX_COLUMNS)


def _pieces(element: etree._Element) -> Iterator[str | Break | _Reference | _Box]:
    """What a paragraph says, in order; what was deleted, hidden or is an instruction is left out."""
    for node in element:
        name = local(node)
        if name in _SKIPPED:
            continue
        if name == "t":
            yield node.text or ""
        elif name == "r":
            if not is_on(child(node, "rPr", "vanish")):
                yield from _pieces(node)
        elif name == "txbxContent":
            yield _Box(node)
        elif name in {"footnoteReference", "endnoteReference"}:
            yield _Reference(name.removesuffix("Reference"), attribute(node, "id"))
        elif name in _SINGLE:
            yield _single(node, name)
        elif name == "f":  # of a formula
            yield "/".join(_term(child(node, part)) for part in ("num", "den"))
        else:
            yield from _pieces(node)


_SINGLE = frozenset({"tab", "ptab", "br", "cr", "lastRenderedPageBreak", "noBreakHyphen", "sym", "docPr"})


def _term(element: etree._Element | None) -> str:
    """A fraction's numerator or denominator."""
    text = "" if element is None else "".join(piece for piece in _pieces(element) if isinstance(piece, str))
    return text if text.isalnum() else f"({text})"


def _single(node: etree._Element, name: str) -> str | Break:
    if name == "lastRenderedPageBreak":
        return Break.RENDERED
    if name == "br" and attribute(node, "type") == "page":
        return Break.EXPLICIT
    if name in {"br", "cr"}:
        return "\n"
    if name == "noBreakHyphen":
        return "-"
    if name == "sym":
        return _symbol(attribute(node, "char"))
    if name == "docPr":  # a picture's words
        words = " ".join(attribute(node, "descr").split())
        return f" {words} " if words else ""
    return "\t"


def _symbol(code: str) -> str:
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    if value in _SYMBOL_AREA:
        return _SYMBOLS.get(value - _SYMBOL_AREA.start, "")
    return chr(value) if value in range(0x20, 0xD800) else ""
