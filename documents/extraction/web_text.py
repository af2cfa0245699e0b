"""From a web page's tree to Markdown: headings, paragraphs, lists, tables and code, in the order of reading.

Left out are what a browser does not show and, if something else remains, what is on every page of a site.
"""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from documents.extraction.markdown_blocks import MarkdownBlocks
from documents.extraction.tables import markdown_cell, markdown_table

AROUND_THE_TEXT = frozenset({"nav", "aside", "footer"})
"""The elements around what a page is about."""

_NOT_SHOWN = frozenset(
    "head script style template noscript iframe object embed applet canvas audio video map svg button select "
    "datalist textarea progress meter dialog rt rp annotation annotation-xml -comment".split()
)
_ROLES_AROUND = frozenset({"navigation", "complementary", "contentinfo", "search"})
_EDITING = "mw-editsection"  # what wikis put beside every heading
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_INLINE = frozenset(
    "-text a abbr acronym b bdi bdo big br cite code data del dfn em font i img ins kbd label mark math mfrac mi "
    "mn mo mrow msub msup output picture q rb ruby s samp small source span strike strong sub sup time tt u var "
    "wbr".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_UNSAID_LEVEL = 2
_LISTS = frozenset({"ul", "ol", "menu", "dl"})
_CELLS = frozenset({"td", "th"})

_BREAK = "\v"  # stands for <br> until the spaces around it are put in order
_INVISIBLE = {0xAD: None, 0x200B: None, 0x2060: None, 0xFEFF: None}  # where a word may break or must not

_MAX_COLUMNS, _ALL_ROWS = 50, 65_534
_LONG_NUMBER = 9
_MAX_CELL = 1_000
"""Characters; a table with a longer cell only arranges paragraphs."""
_MAX_LAYOUT = 10
"""How deep tables in tables are looked at."""


def to_markdown(root: LexborNode, leave_out: frozenset[str] = AROUND_THE_TEXT) -> str:
    """The text of an element, "" if it has none.

    The elements that `leave_out` names, and what is marked as hidden, are read only if nothing else is there.
    """
    return _read(root, leave_out) or _read(root, None)


def _read(root: LexborNode, leave_out: frozenset[str] | None) -> str:
    reader = _Reader()
    for node, begins in _walk(root, leave_out):
        if begins:
            reader.begin(node)
        else:
            reader.end(str(node.tag), _heading_level(node))
    return reader.text()


def _walk(root: LexborNode, leave_out: frozenset[str] | None) -> Iterator[tuple[LexborNode, bool]]:
    """What is below the root, each node as it begins (True) and as it ends.

    Without recursion, because pages nest deeper than calls of functions may.
    """
    node = root.child
    while node is not None:
        is_read = not _is_left_out(node, leave_out)
        if is_read:
            yield node, True
            if node.child is not None:
                node = node.child
                continue
            yield node, False
        while node.next is None:
            node = node.parent
            if node is None or node.mem_id == root.mem_id:
                return
            yield node, False
        node = node.next


def _is_left_out(node: LexborNode, leave_out: frozenset[str] | None) -> bool:
    tag = node.tag
    if tag == "-text":
        return False
    if tag in _NOT_SHOWN:
        return True
    if leave_out is None:
        return False
    if tag in leave_out:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or (bool(leave_out) and attributes.get("role") in _ROLES_AROUND)
        or _HIDING_STYLE.search(attributes.get("style") or "") is not None
        or _EDITING in (attributes.get("class") or "").split()
    )


class _Reader:
    """Takes the nodes one by one and keeps what is being written."""

    def __init__(self) -> None:
        self._blocks = MarkdownBlocks()
        self._inline: list[str] = []
        self._tables: list[_Table | None] = []  # the open ones; None for one that only arranges
        self._preformatted = 0
        self._has_term: list[bool] = []  # of each open list, whether one of its terms is open

    def text(self) -> str:
        self._end_block()
        return self._blocks.text()

    def begin(self, node: LexborNode) -> None:
        tag = str(node.tag)
        if tag == "-text":
            self._inline.append(node.text_content or "")
        elif tag == "br":
            self._inline.append("\n" if self._preformatted else _BREAK)
        elif tag == "img":
            self._inline.append(node.attributes.get("alt") or "")
        elif tag == "q":
            self._inline.append("“")
        elif tag not in _INLINE:
            self._end_block()
            self._open(node, tag)

    def end(self, tag: str, level: int) -> None:
        """`level` is that of a heading, 0 for all else."""
        if tag == "q":
            self._inline.append("”")
        elif tag not in _INLINE:
            self._end_block(level)
            self._close(tag)

    def _open(self, node: LexborNode, tag: str) -> None:
        if tag == "table":
            is_nested_deep = len(self._tables) >= _MAX_LAYOUT
            is_data = not is_nested_deep and self._table() is None and _holds_data(node)
            self._tables.append(_Table() if is_data else None)
        elif tag == "pre":
            self._preformatted += 1
        elif (table := self._table()) is not None:
            if tag == "tr":
                table.begin_row(is_last=node.parent is not None and node.parent.tag == "tfoot")
            elif tag in _CELLS:
                table.begin_cell(_span(node, "colspan"), _span(node, "rowspan"))
        elif tag in _LISTS:
            self._blocks.begin_list(_first_number(node) if tag == "ol" else None)
            self._has_term.append(False)
        elif tag == "dt":
            self._end_term()
            self._blocks.begin_item()
            self._has_term = [*self._has_term[:-1], True]
        elif tag == "dd":
            self._blocks.begin_list(None)
            self._blocks.begin_item()
        elif tag == "li":
            self._blocks.begin_item()

    def _close(self, tag: str) -> None:
        if tag == "table":
            table = self._tables.pop() if self._tables else None
            if table is not None and (text := table.text()):
                self._blocks.block(text)
        elif tag == "pre":
            self._preformatted -= 1
        elif self._table() is not None:
            return
        elif tag in _LISTS:
            self._end_term()
            self._has_term.pop()
            self._blocks.end_list()
        elif tag in {"li", "dd"}:
            self._blocks.end_item()
            if tag == "dd":
                self._blocks.end_list()

    def _end_term(self) -> None:
        """A term is an item of a list; what is said of it stands in the item, until the next term."""
        if self._has_term and self._has_term[-1]:
            self._blocks.end_item()
            self._has_term[-1] = False

    def _end_block(self, level: int = 0) -> None:
        """Write what has gathered: as a heading of that level, else as what it stands in says."""
        text, self._inline = "".join(self._inline).translate(_INVISIBLE), []
        table = self._table()
        if table is not None and table.has_cell:
            table.add(text)
        elif self._preformatted:
            if text.strip():
                self._blocks.code(text.strip("\n").rstrip())
        elif lines := [line for part in text.split(_BREAK) if (line := " ".join(part.split()))]:
            if level:
                self._blocks.heading(level, " ".join(lines))
            else:
                self._blocks.paragraph(lines)

    def _table(self) -> "_Table | None":
        """The table whose cells are being read."""
        return self._tables[-1] if self._tables else None


class _Table:
    """The cells of a table, laid on a grid as their spans say.

    A cell that spans rows is in each of them, so that each says what it is about; one that spans columns is
    in the first and leaves the others empty.
    """

    def __init__(self) -> None:
        self.has_cell = False
        self._rows: list[list[str]] = []
        self._last_rows: list[list[str]] = []
        self._row: list[str] = []
        self._from_above: dict[int, tuple[int, str]] = {}  # by column: for how many rows more, and what
        self._cell: tuple[list[str], int, int] | None = None

    def begin_row(self, *, is_last: bool) -> None:
        self._end_row()
        self._row = []
        (self._last_rows if is_last else self._rows).append(self._row)

    def begin_cell(self, columns: int, rows: int) -> None:
        self._end_cell()
        if not self._rows and not self._last_rows:
            self.begin_row(is_last=False)
        self._cell = ([], columns, rows)
        self.has_cell = True

    def add(self, text: str) -> None:
        """More of the open cell's text."""
        if self._cell is not None:
            self._cell[0].append(text)

    def text(self) -> str:
        """The table in Markdown, "" if all of it is empty."""
        self._end_row()
        rows = [row for row in [*self._rows, *self._last_rows] if any(row)]
        width = max((column + 1 for row in rows for column, cell in enumerate(row) if cell), default=0)
        return markdown_table([row[:width] for row in rows])

    def _end_row(self) -> None:
        self._end_cell()
        self._fill_from_above()
        while any(column >= len(self._row) for column in self._from_above):
            self._row.append("")
            self._fill_from_above()
        self.has_cell = False

    def _end_cell(self) -> None:
        if self._cell is None:
            return
        pieces, columns, rows = self._cell
        self._cell = None
        self._fill_from_above()
        text = markdown_cell(" ".join(pieces))
        for column in range(len(self._row), len(self._row) + columns):
            content = text if column == len(self._row) else ""
            if rows > 1:
                self._from_above[column] = (rows - 1, content)
        self._row.extend([text, *[""] * (columns - 1)])

    def _fill_from_above(self) -> None:
        while (above := self._from_above.pop(len(self._row), None)) is not None:
            rows, content = above
            if rows > 1:
                self._from_above[len(self._row)] = (rows - 1, content)
            self._row.append(content)


def _holds_data(table: LexborNode) -> bool:
    """Whether it is a table of data; most others arrange a page or a mail."""
    if table.attributes.get("role") in {"presentation", "none"}:
        return False
    if any(table.css_first(tag) is not None for tag in ("tr table", *_HEADINGS)):
        return False
    cells = table.css("td, th")
    if any(len(cell.text(deep=True)) > _MAX_CELL for cell in cells):
        return False
    rows = table.css("tr")
    return len(cells) > len(rows)


def _heading_level(node: LexborNode) -> int:
    """The level of a heading, also of one that only says that it is (WAI-ARIA 1.2, heading); 0 for all else."""
    tag = str(node.tag)
    if tag not in {"div", "p"}:
        return _HEADINGS.get(tag, 0)
    attributes = node.attributes
    if attributes.get("role") != "heading":
        return 0
    return _HEADINGS.get(f"h{(attributes.get('aria-level') or '').strip()}", _UNSAID_LEVEL)


def _span(cell: LexborNode, name: str) -> int:
    """Columns or rows of a cell; 0 rows mean all that follow (HTML Standard, 4.9.11)."""
    value = (cell.attributes.get(name) or "").strip()
    if not value.isascii() or not value.isdigit():
        return 1
    if len(value) >= _LONG_NUMBER or int(value) == 0:
        return _ALL_ROWS if name == "rowspan" else 1
    return min(int(value), _ALL_ROWS if name == "rowspan" else _MAX_COLUMNS)


def _first_number(ordered_list: LexborNode) -> int:
    value = (ordered_list.attributes.get("start") or "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < _LONG_NUMBER else 1
