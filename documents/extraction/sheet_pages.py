"""From a sheet's rows to pages of Markdown: tables where cells stand side by side, lines where they do not.

A sheet is one page up to 50,000 characters, else cut between rows, with the table's header on each page.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from documents.extraction.tables import markdown_table

PAGE_SIZE = 50_000
"""Characters of a page of a sheet, about."""

_CELL_COST, _ROW_COST = 3, 2  # characters that a cell and a row take beside their text
_RESERVE = 200  # for empty lines
_WORTH_A_TABLE = 3  # rows, of a single column


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that is not empty: its number from 1 and its cells by column; `is_words` if none is a number."""

    number: int
    cells: dict[int, str]
    is_words: bool


@dataclass(slots=True)
class SheetPages:
    """One sheet's rows on their way to pages: `put` each, then `finish`; both give pages' texts and labels.

    The only sheet of a file may have no `name`.
    """

    name: str
    is_hidden: bool = False
    last_number: int = 0
    has_rows: bool = False
    _rows: list[SheetRow] = field(default_factory=list)
    _header: SheetRow | None = None
    _columns: set[int] = field(default_factory=set)
    _size: int = 0
    _is_cut: bool = False
    _last_taken: int = 0

    def put(self, row: SheetRow) -> Iterator[tuple[str, str]]:
        """Add a row; the page that it does not fit on any more is given first."""
        size = _ROW_COST + sum(map(len, row.cells.values()))
        columns = self._columns | row.cells.keys()
        if self._rows and self._size + size + _CELL_COST * len(columns) * (len(self._rows) + 2) > PAGE_SIZE:
            self._is_cut = True
            yield self._taken()
            columns = self._columns | row.cells.keys()
        self._rows.append(row)
        self._columns, self._size = columns, self._size + size
        self.last_number, self.has_rows = row.number, True

    def finish(self) -> tuple[str, str]:
        """The last page, or the only one."""
        return self._taken()

    def _taken(self) -> tuple[str, str]:
        parts = [f"Sheet “{self.name}”{' (hidden)' if self.is_hidden else ''}"] if self.name else []
        if self._is_cut:
            parts.append(f"{'rows' if self.name else 'Rows'} {self._rows[0].number}–{self._rows[-1].number}")
        label = ", ".join(parts)
        text = self._text() if self._rows else ""
        header = self._header.cells if self._header else {}
        self._rows, self._columns = [], set(header)
        self._size = len(self.name) + sum(map(len, header.values())) + _RESERVE
        return text, label

    def _text(self) -> str:
        """The sheet's name as heading, then its tables and lines; remembers a table that may go on."""
        parts = [f"# {self.name}"] if self.name else []
        run = [self._header] if self._header else []
        if run and _opens(self._rows[0], run, self._last_taken):
            run = []
        last = self._last_taken
        for row in self._rows:
            if run and _opens(row, run, last):
                parts.append(_rendered(run))
                run = []
            run.append(row)
            last = row.number
        parts.append(_rendered(run))
        self._header, self._last_taken = (run[0] if len(run[0].cells) > 1 else None), last
        return "\n\n".join(parts)


def _opens(row: SheetRow, run: list[SheetRow], last: int) -> bool:
    """Whether a row begins something new after a run of rows that ended in row `last`.

    A table ends at an empty row with words below it; lines of a single cell end where a wider row, or an
    empty one, follows.
    """
    is_after_gap = row.number > last + 1
    if len(run[0].cells) > 1:
        return is_after_gap and row.is_words
    return is_after_gap or len(row.cells) > 1


def _rendered(run: list[SheetRow]) -> str:
    columns = sorted({column for row in run for column in row.cells})
    if len(run[0].cells) > 1 or (len(run) >= _WORTH_A_TABLE and len(columns) == 1):
        return markdown_table([[row.cells.get(column, "") for column in columns] for row in run])
    return "\n".join(cell.replace("\\|", "|") for row in run for cell in row.cells.values())
