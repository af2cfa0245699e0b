"""Excel workbooks (ISO/IEC 29500): one page a sheet, its rows as tables; what the cells show, no formulas,
then what lies over them.

Rows are read as a stream, so that a sheet of any length needs little memory. Of merged
cells the first has the value and the others are empty, as in the file. Hidden sheets are read too and say so.
"""

import mmap
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from lxml import etree

from documents.extraction.formats import ParsedDocument, ParsedPage
from documents.extraction.office import Package, attribute, forget, local, no_text, number, parsing, stream
from documents.extraction.saved_text import save_string
from documents.extraction.sheet_drawings import drawn_text
from documents.extraction.sheet_pages import SheetPages, SheetRow
from documents.extraction.sheet_values import built_in, shown
from documents.extraction.tables import markdown_cell

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # how strings hold characters that XML does not allow
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d+)")
_SHEETS = frozenset({"worksheet", "chartsheet", "dialogsheet"})


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    is_hidden: bool


@dataclass(slots=True)
class _Strings:
    """The workbook's strings as one block of bytes: a million of them as Python's own would be too large."""

    _bytes: bytearray = field(default_factory=bytearray)
    _ends: "array[int]" = field(default_factory=lambda: array("Q"))

    def append(self, text: str) -> None:
        self._bytes += text.encode("utf-8", errors="replace")
        self._ends.append(len(self._bytes))

    def get(self, index: int) -> str:
        if not 0 <= index < len(self._ends):
            return ""
        start = self._ends[index - 1] if index else 0
        return self._bytes[start : self._ends[index]].decode()


@dataclass(frozen=True, slots=True)
class _Workbook:
    """What the sheets' cells refer to: strings and, by style, number formats."""

    strings: _Strings
    formats: list[str]
    is_1904: bool


def open_document(file: mmap.mmap) -> ParsedDocument:
    """Open an XLSX; its sheets are read one by one.

    Raises what `open_container` raises, the pages too, and `no_text` at their end.
    """
    package = Package(file)
    title, properties = package.describe()
    return ParsedDocument(title=title, page_count=None, pages=_pages(package), properties=properties)


def _pages(package: Package) -> Iterator[ParsedPage]:
    root = package.tree(package.main())
    sheets = _sheets(package, root)
    workbook = _Workbook(
        strings=_strings(package),
        formats=_formats(package),
        is_1904=any(attribute(e, "date1904") in {"1", "true"} for e in root if local(e) == "workbookPr"),
    )
    total = max(1, sum(package.size(sheet.part) for sheet in sheets))
    before, has_text = 0, False
    for sheet in sheets:
        pages = SheetPages(sheet.name, is_hidden=sheet.is_hidden)
        with package.open(sheet.part) as part, parsing():
            for element in stream(part, "row"):
                if row := _row(element, workbook, pages.last_number):
                    for text, label in pages.put(row):
                        yield _page(text, label, (before + part.tell()) / total)
                forget(element)
        before += package.size(sheet.part)
        text, label = pages.finish()
        if drawn := drawn_text(package, sheet.part, has_cells=pages.has_rows):
            text = f"{text or f'# {sheet.name}'}\n\n{drawn}"
        has_text = has_text or pages.has_rows or bool(drawn)
        yield _page(text, label, before / total)
    if not has_text:
        raise no_text()


def _page(text: str, label: str, progress: float) -> ParsedPage:
    return ParsedPage(save_string(text), 0.0, 0.0, min(progress, 1.0), save_string(label))


def _sheets(package: Package, root: etree._Element) -> list[_Sheet]:
    """The sheets in the order of their tabs."""
    relations = package.relations(package.main())
    found = []
    for element in root.iter("{*}sheet"):
        relation = relations.get(attribute(element, "id"))
        if relation is not None and relation.kind in _SHEETS:
            is_hidden = element.get("state", "visible") != "visible"
            found.append(_Sheet(element.get("name", ""), relation.target, is_hidden))
    return found


def _strings(package: Package) -> _Strings:
    strings = _Strings()
    for name in package.related(package.main(), "sharedStrings")[:1]:
        with package.open(name) as part, parsing():
            for element in stream(part, "si"):
                strings.append(_text(element))
                forget(element)
    return strings


def _text(element: etree._Element) -> str:
    """A string's text without how to pronounce it (`rPh`)."""
    runs = (element, *element.iterchildren("{*}r"))
    text = "".join(piece.text or "" for run in runs for piece in run.iterchildren("{*}t"))
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _formats(package: Package) -> list[str]:
    """The number format of each cell style."""
    parts = package.related(package.main(), "styles")
    if not parts:
        return []
    root = package.tree(parts[0])
    own = {attribute(e, "numFmtId"): attribute(e, "formatCode") for e in root.iter("{*}numFmt")}
    styles = next(root.iterchildren("{*}cellXfs"), ())
    ids = [attribute(style, "numFmtId", "0") for style in styles]
    return [own[id_] if id_ in own else built_in(number(id_)) for id_ in ids]


def _row(element: etree._Element, workbook: _Workbook, last_number: int) -> SheetRow | None:
    """A row's cells that show something; None for a row that shows nothing."""
    cells: dict[int, str] = {}
    is_words, column = True, 0
    for cell in element:
        match = _REFERENCE.match(cell.get("r", ""))
        column = _column(match[1]) if match else column + 1
        text, is_word = _value(cell, workbook)
        if text := markdown_cell(text):
            cells[column] = text
            is_words = is_words and is_word
    if not cells:
        return None
    return SheetRow(number(element.get("r", ""), last_number + 1), cells, is_words)


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value * 26 + ord(letter) - ord("A") + 1
    return value


def _value(cell: etree._Element, workbook: _Workbook) -> tuple[str, bool]:
    """What a cell shows, and whether that is words. A formula that was never calculated shows itself."""
    kind, value, formula = cell.get("t", "n"), "", ""
    for inner in cell:
        name = local(inner)
        if name == "v":
            value = inner.text or ""
        elif name == "f":
            formula = inner.text or ""
        elif name == "is":
            return _text(inner), True
    if not value:
        return (f"={formula}" if formula else ""), False
    if kind == "s":
        return workbook.strings.get(number(value, -1)), True
    if kind == "n":
        return _number(value, cell.get("s", ""), workbook), False
    if kind == "b":
        return ("FALSE" if value in {"0", "false"} else "TRUE"), False
    return value, kind == "str"


def _number(value: str, style: str, workbook: _Workbook) -> str:
    index = number(style)
    code = workbook.formats[index] if 0 <= index < len(workbook.formats) else ""
    try:
        return shown(float(value), code, is_1904=workbook.is_1904)
    except (ValueError, OverflowError):
        return value
