"""Figures from rows, each the mean of one number a question, with an interval; and two runs beside each other.

Intervals are the middle 95 % of means of questions drawn anew with replacement, from a fixed seed: the same rows
give the same interval. Two runs are compared question by question, which is far sharper than two intervals.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.rows import Row

DEPTHS = (1, 3, 5, 10)
_DRAWS = 2_000
_BOUNDS = (2.5, 97.5)
_SEED = 5
# So many drawn indices at a time: a set of thousands of questions needs no gigabyte.
_CELLS = 2_000_000

Measure = Callable[[Row], float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over `n` questions and the interval in which it may well lie."""

    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measures(k: int) -> dict[str, Measure]:
    """The figures of a run of `k` hits, by name; None for a question that a figure says nothing about."""
    depths = sorted({depth for depth in DEPTHS if depth <= k} | {k})
    return {
        **{f"document_hit@{depth}": _document_hit(depth) for depth in depths},
        **{f"page_hit@{depth}": _page_hit(depth) for depth in depths},
        "document_mrr": lambda row: _reciprocal(row.document_rank) if _has_document(row) else None,
        "page_mrr": lambda row: _reciprocal(row.page_rank) if _has_pages(row) else None,
        f"page_ndcg@{k}": lambda row: _ndcg(row, k) if _has_pages(row) else None,
        "citation_precision": lambda row: row.cited_gold / row.cited if _is_given(row) and row.cited else None,
        "answers_citing_gold": lambda row: float(row.cited_gold > 0) if _is_given(row) else None,
        "refusal_accuracy": lambda row: None if row.is_right is None else float(row.is_right),
    }


def figures(rows: Sequence[Row], k: int) -> dict[str, Figure]:
    """Every figure that some question says something about."""
    found = {}
    for name, measure in measures(k).items():
        values = [value for row in rows if (value := measure(row)) is not None]
        if values:
            found[name] = figure(values)
    return found


def figure(values: Sequence[float]) -> Figure:
    array = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(_drawn_means(array), _BOUNDS)
    return Figure(_rounded(array.mean()), _rounded(low), _rounded(high), len(values))


@dataclass(frozen=True, slots=True)
class Difference:
    """What a figure gained from one run to another over the `n` questions that both have."""

    before: float
    after: float
    change: Figure

    @property
    def is_sure(self) -> bool:
        """The whole interval lies on one side of nothing."""
        return self.change.low > 0 or self.change.high < 0

    def as_json(self) -> dict[str, Any]:
        change = self.change.as_json()
        return {"before": self.before, "after": self.after, **change, "is_sure": self.is_sure}


def differences(pairs: Sequence[tuple[Row, Row]], k: int) -> dict[str, Difference]:
    """Of the same questions before and after."""
    found = {}
    for name, measure in measures(k).items():
        values = [
            (before, after)
            for old, new in pairs
            if (before := measure(old)) is not None and (after := measure(new)) is not None
        ]
        if values:
            before, after = (sum(column) / len(values) for column in zip(*values, strict=True))
            change = figure([new - old for old, new in values])
            found[name] = Difference(_rounded(before), _rounded(after), change)
    return found


def confusion(rows: Sequence[Row]) -> dict[str, int]:
    """What was answered and what refused, by whether it can be answered."""
    judged = [row for row in rows if row.is_refused is not None]
    return matrix((row.is_answerable, not row.is_refused) for row in judged)


def matrix(pairs: Iterable[tuple[bool, bool]]) -> dict[str, int]:
    """From pairs of: can be answered, was answered."""
    found = {"answered": 0, "wrongly_refused": 0, "wrongly_answered": 0, "refused": 0}
    names = {
        (True, True): "answered",
        (True, False): "wrongly_refused",
        (False, True): "wrongly_answered",
        (False, False): "refused",
    }
    for can_be, was in pairs:
        found[names[bool(can_be), bool(was)]] += 1
    return found


def summary(rows: Sequence[Row], k: int) -> dict[str, Any]:
    """Everything that is kept of a run, ready for JSON."""
    named: Mapping[str, Figure] = figures(rows, k)
    times = sorted(row.search_seconds for row in rows)
    return {
        "questions": len(rows),
        "answerable": sum(row.is_answerable for row in rows),
        "unanswerable": sum(not row.is_answerable for row in rows),
        "failed": sum(bool(row.error) for row in rows),
        "figures": {name: one.as_json() for name, one in named.items()},
        "refusal": confusion(rows),
        "search_seconds_median": times[len(times) // 2] if times else None,
    }


def _drawn_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    random = np.random.default_rng(_SEED)
    step = max(1, _CELLS // len(values))
    parts = [
        values[random.integers(len(values), size=(min(step, _DRAWS - done), len(values)))].mean(axis=1)
        for done in range(0, _DRAWS, step)
    ]
    return np.concatenate(parts)


def _document_hit(depth: int) -> Measure:
    return lambda row: float((row.document_rank or depth + 1) <= depth) if _has_document(row) else None


def _page_hit(depth: int) -> Measure:
    return lambda row: float((row.page_rank or depth + 1) <= depth) if _has_pages(row) else None


def _has_document(row: Row) -> bool:
    return row.is_answerable and row.names_document


def _has_pages(row: Row) -> bool:
    return row.is_answerable and row.gold_pages > 0


def _is_given(row: Row) -> bool:
    """An answer that could cite a right page."""
    return _has_pages(row) and row.is_refused is False


def _reciprocal(rank: int | None) -> float:
    return 1 / rank if rank else 0.0


def _ndcg(row: Row, k: int) -> float:
    gain = sum(1 / math.log2(rank + 1) for rank in row.page_ranks if rank <= k)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(row.gold_pages, k) + 1))
    return gain / ideal


def _rounded(value: float) -> float:
    return round(float(value), 4)
