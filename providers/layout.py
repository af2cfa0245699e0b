"""The sentences of a passage, and which of them are rows of tables and belong to which head."""

import re
from itertools import pairwise

from providers.sentences import Span, is_table_row, sentence_spans

_YEARS = re.compile(r"\b(?:19|20)\d\d\b.*\b(?:19|20)\d\d\b", re.DOTALL)
_BARRED = re.compile(r"\s*\|.*\|\s*\Z", re.DOTALL)
_RULE = re.compile(r"\s*\|[\s:|-]+\|\s*\Z")
_BAR = re.compile(r"(?<!\\)\|")


class Layout:
    """`spans` and `texts` of the sentences and lines of `text`, in order.

    `is_row` says which are a table's, `is_barred` which of those a Markdown table's.
    """

    def __init__(self, text: str) -> None:
        self.spans: list[Span] = sentence_spans(text)
        self.texts = [text[start:end] for start, end in self.spans]
        self.is_barred = [_BARRED.match(one) is not None for one in self.texts]
        self.is_row = [
            is_barred or is_table_row(one.replace("\n", " "))
            for one, is_barred in zip(self.texts, self.is_barred, strict=True)
        ]

    def head(self, position: int) -> int | None:
        """The line that names the columns of a row, if `position` is one and the passage has it."""
        if self.is_barred[position]:
            return self._barred_head(position)
        return self._figures_head(position)

    def is_rule(self, position: int) -> bool:
        """The line below the head of a Markdown table."""
        return _RULE.match(self.texts[position]) is not None

    def _barred_head(self, position: int) -> int | None:
        top = position
        while top > 0 and self.is_barred[top - 1]:
            top -= 1
        return top if top < position and self.is_rule(top + 1) else None

    def _figures_head(self, position: int) -> int | None:
        """The nearest line above with several years, else the nearest heading."""
        if not self.is_row[position] or _YEARS.search(self.texts[position]):
            return None
        nearest: int | None = None
        for above in range(position - 1, -1, -1):
            if self.texts[above].endswith("."):
                break  # prose: the table begins below it
            if _YEARS.search(self.texts[above]):
                return above
            if nearest is None and not self.is_row[above]:
                nearest = above
        return nearest


def cells_of(row: str) -> list[str] | None:
    """The cells of a Markdown table's row; None if it is none."""
    if not _BARRED.match(row):
        return None
    bars = [match.start() for match in _BAR.finditer(row)]
    cells = [" ".join(row[left + 1 : right].split()) for left, right in pairwise(bars)]
    return [cell.replace("\\|", "|") for cell in cells]
