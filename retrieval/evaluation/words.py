"""Figures as people read them on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrieval.evaluation.cases import Case
from retrieval.evaluation.rows import Row

_WIDTH = 60


def figure_lines(numbers: Mapping[str, Any]) -> Iterator[str]:
    """A figure a line, with its interval and the number of questions that it is the mean of."""
    for name, one in numbers["figures"].items():
        yield f"{name:<22}{one['value']:.3f}  ({one['low']:.3f} to {one['high']:.3f}, {one['n']} questions)"


def matrix_lines(matrix: Mapping[str, int]) -> Iterator[str]:
    yield f"{'':<22}{'answered':>10}{'refused':>10}"
    yield f"{'can be answered':<22}{matrix['answered']:>10}{matrix['wrongly_refused']:>10}"
    yield f"{'cannot be answered':<22}{matrix['wrongly_answered']:>10}{matrix['refused']:>10}"


def table_lines(cases: Sequence[Case], rows: Sequence[Row]) -> Iterator[str]:
    """A question a line: where its document and page stand, and what became of it."""
    yield f"{'document':>8} {'page':>5} {'answer':<16} {'cited':>7}  question"
    for case, row in zip(cases, rows, strict=True):
        cited = f"{row.cited_gold}/{row.cited}" if row.cited else "-"
        question = " ".join(case.text.split())
        shown = question if len(question) <= _WIDTH else question[: _WIDTH - 1] + "…"
        shown = "".join(one if one.isprintable() else "�" for one in shown)
        ranks = f"{row.document_rank or '-':>8} {row.page_rank or '-':>5}"
        yield f"{ranks} {outcome(row):<16} {cited:>7}  {shown}"


def outcome(row: Row) -> str:
    if row.error:
        return row.error
    if row.is_refused is None:
        return "-"
    word = "refused" if row.is_refused else "answered"
    return word if row.is_right else f"{word} (wrong)"
