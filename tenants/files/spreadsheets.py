"""Tables as CSV (RFC 4180) that spreadsheets open without running anything in them."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

# What Excel, LibreOffice and Sheets take for the start of a formula, also after blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Line by line. Texts that would be formulas begin with an apostrophe; numbers stay as they are."""
    for row in (header, *rows):
        line = StringIO()
        csv.writer(line).writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def _harmless(cell: object) -> object:
    if isinstance(cell, str) and (cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)):
        return f"'{cell}"
    return cell
