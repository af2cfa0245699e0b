"""From recognised pieces of text with their places to the text of a page: lines, columns, paragraphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_SPANNING = 0.2  # of the pieces may reach over the gap between two columns: titles, footers
_LEAST_LINES = 4  # in a column
_LEAST_LETTERS = 18  # in the middle one of a column's lines: cells of tables have fewer
_PARAGRAPH = 0.9  # of a line's height is an empty line
_CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """Words on one line and the box around them; y grows downwards."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str


def page_text(pieces: Sequence[Piece]) -> str:
    """The text in the order in which a person reads it; paragraphs have an empty line between them.

    Columns of running text are read one after the other, what reaches over them divides them; anything else
    is read line by line, as tables are.
    """
    lines = _lines(pieces)
    if not lines:
        return ""
    height = median(line.y1 - line.y0 for line in lines)
    text = lines[0].text
    for above, line in pairwise(lines):
        gap = line.y0 - above.y1
        # a line that stands higher than the one before it begins a column
        text += ("\n\n" if gap > _PARAGRAPH * height or gap < -height else "\n") + line.text
    return text


def _lines(pieces: Sequence[Piece]) -> list[Piece]:
    gutter = _gutter(pieces)
    if gutter is None:
        return _rows(pieces)
    spanning = [piece for piece in pieces if piece.x0 < gutter < piece.x1]
    lines: list[Piece] = []
    above = float("-inf")
    for below in [*sorted(_middle(piece) for piece in spanning), float("inf")]:
        lines += _rows([piece for piece in spanning if _middle(piece) == above])
        band = [piece for piece in pieces if piece not in spanning and above <= _middle(piece) < below]
        lines += _lines([piece for piece in band if piece.x1 <= gutter])
        lines += _lines([piece for piece in band if piece.x0 >= gutter])
        above = below
    return lines


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """Where a page, or a part of it, falls into two columns of running text; None where it does not."""
    if len(pieces) < 2 * _LEAST_LINES:
        return None
    left, right = min(piece.x0 for piece in pieces), max(piece.x1 for piece in pieces)
    best, fewest = None, _SPANNING * len(pieces)
    for step in range(1, _CANDIDATES):
        x = left + (right - left) * step / _CANDIDATES
        spanning = sum(piece.x0 < x < piece.x1 for piece in pieces)
        sides = ([piece for piece in pieces if piece.x1 <= x], [piece for piece in pieces if piece.x0 >= x])
        if spanning < fewest and all(map(_is_running_text, sides)):
            best, fewest = x, spanning
    return best


def _is_running_text(pieces: Sequence[Piece]) -> bool:
    return len(pieces) >= _LEAST_LINES and median(len(piece.text) for piece in pieces) >= _LEAST_LETTERS


def _rows(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces beside each other as one, from top to bottom."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=_middle):
        if rows and _middle(piece) < max(rows[-1], key=lambda one: one.y1 - one.y0).y1 - _overlap(rows[-1], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_joined(row) for row in rows]


def _overlap(row: Sequence[Piece], piece: Piece) -> float:
    """How far a piece's middle must be above a row's lower edge to stand in it."""
    return 0.2 * min(piece.y1 - piece.y0, *(one.y1 - one.y0 for one in row))


def _joined(row: Sequence[Piece]) -> Piece:
    return Piece(
        min(piece.x0 for piece in row),
        min(piece.y0 for piece in row),
        max(piece.x1 for piece in row),
        max(piece.y1 for piece in row),
        " ".join(piece.text for piece in sorted(row, key=lambda piece: piece.x0)),
    )


def _middle(piece: Piece) -> float:
    return (piece.y0 + piece.y1) / 2
