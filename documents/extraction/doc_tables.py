"""Tables of old Word documents: rows whose cells may each have edges of their own, laid into common columns."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from documents.extraction.tables import markdown_cell
from documents.extraction.word_text import MAX_COLUMNS, Note, Row

DEFINITION = 0xD608
_TOLERANCE = 40  # twentieths of a point, by which edges that look the same may differ
_CELL_SIZE = 20
_IS_COVERED = 0x2  # merged into the cell on its left
_VERTICAL, _VERTICAL_FIRST = 0x20, 0x40


@dataclass(frozen=True, slots=True)
class RowText:
    """A row as it was read: its cells' texts, their notes, and the property that defines its columns."""

    cells: tuple[str, ...]
    notes: tuple[Note, ...]
    definition: bytes


def table_rows(rows: Sequence[RowText]) -> list[Row]:
    """The rows in the columns of the whole table; a cell over several columns leaves the others empty."""
    edges = [_edges(row) for row in rows]
    columns = _columns(edge for row in edges for edge in row[:-1])
    return [_row(row, of_row, columns) for row, of_row in zip(rows, edges, strict=True)]


def _row(row: RowText, edges: Sequence[int], columns: Sequence[int]) -> Row:
    flags = _flags(row.definition)
    cells = [""] * len(columns)
    for index, text in enumerate(row.cells):
        flag = flags[index] if index < len(flags) else 0
        is_covered = flag & _IS_COVERED or (flag & _VERTICAL and not flag & _VERTICAL_FIRST)
        place = sum(column <= edges[index] for column in columns) - 1 if len(edges) > len(row.cells) else index
        if not is_covered and text:
            place = min(max(place, 0), MAX_COLUMNS - 1)
            cells += [""] * (place + 1 - len(cells))
            cells[place] = markdown_cell(f"{cells[place]} {text}")
    return Row(tuple(cells), row.notes, len(cells), has_break_before=False, breaks_inside=0, alone=())


def _edges(row: RowText) -> tuple[int, ...]:
    """The left edges of the cells and the right one of the last; nothing where they do not fit the cells."""
    definition = row.definition
    count = definition[0] if definition else 0
    if count != len(row.cells) or len(definition) < 3 + 2 * count:
        return ()
    return struct.unpack_from(f"<{count + 1}h", definition, 1)


def _columns(edges: Iterable[int]) -> list[int]:
    columns: list[int] = []
    for edge in sorted(set(edges)):
        if not columns or edge > columns[-1] + _TOLERANCE:
            columns.append(edge)
    return columns


def _flags(definition: bytes) -> list[int]:
    count = definition[0] if definition else 0
    start = 1 + 2 * (count + 1)
    return [
        int.from_bytes(definition[start + _CELL_SIZE * index :][:2], "little")
        for index in range(count)
        if start + _CELL_SIZE * index + 2 <= len(definition)
    ]
