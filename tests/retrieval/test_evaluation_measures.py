"""Figures by hand, their intervals, two runs beside each other, and the threshold that questions choose."""

from __future__ import annotations

import math
from random import Random
from typing import Any
from uuid import UUID

import pytest

from retrieval.evaluation.calibration import Judged, calibrate
from retrieval.evaluation.cases import Case
from retrieval.evaluation.measures import Figure, confusion, differences, figure, figures
from retrieval.evaluation.rows import Row, judge_case, row_of_json
from retrieval.registry import Answered
from retrieval.types import Hit

REPORT, OTHER = UUID(int=1), UUID(int=2)


def hit(page: int, document: UUID = REPORT, name: str = "Report.pdf") -> Hit:
    return Hit(
        document=document,
        name=name,
        title=name,
        version=1,
        page=page,
        text="Words.",
        score=0.5,
        start=0,
        end=6,
        cosine=0.5,
    )


def answered(*cited: Hit, refused: bool = False) -> Answered:
    return Answered(is_refused=refused, cited=cited, model="extractive", score=0.5)


def row(**changes: Any) -> Row:
    usual: dict[str, Any] = {
        "is_answerable": True,
        "names_document": True,
        "gold_pages": 1,
        "document_rank": None,
        "page_ranks": (),
    }
    return Row(**usual | changes)


def values(found: dict[str, Figure]) -> dict[str, float]:
    return {name: one.value for name, one in found.items()}


@pytest.mark.parametrize("document", ["report.PDF", str(REPORT)])
def test_ranks_count_hits_and_the_first_of_each_page(document: str) -> None:
    case = Case(key="1", text="?", document=document, pages=(3, 7))
    hits = [hit(3, OTHER, "other.pdf"), hit(9), hit(7), hit(7), hit(3)]
    judged = judge_case(case, hits, answered(hit(7), hit(9)))
    assert (judged.document_rank, judged.page_ranks, judged.page_rank) == (2, (3, 5), 3)
    assert (judged.cited, judged.cited_gold, judged.is_right) == (2, 1, True)
    assert [place["page"] for place in judged.found] == [3, 9, 7, 7, 3]
    assert row_of_json({**judged.as_json(), "of_a_later_version": 1}) == judged
    assert "Words." not in str(judged.as_json()), "what documents say is not kept"


def test_figures_are_means_of_what_they_say_something_about() -> None:
    rows = [
        row(document_rank=1, page_ranks=(2, 4), gold_pages=2, is_refused=False, cited=4, cited_gold=1),
        row(document_rank=4, page_ranks=(), is_refused=False, cited=1, cited_gold=0),
        row(document_rank=None, gold_pages=0, is_refused=True),
        row(is_answerable=False, names_document=False, gold_pages=0, is_refused=True),
        row(is_answerable=False, names_document=False, gold_pages=0, is_refused=False),
        row(document_rank=1, page_ranks=(1,), error="model_timeout"),
    ]
    first = 1 / math.log2(3) + 1 / math.log2(5)
    found = figures(rows, 10)
    assert values(found) == {
        "document_hit@1": 0.5,
        "document_hit@3": 0.5,
        "document_hit@5": 0.75,
        "document_hit@10": 0.75,
        "page_hit@1": 0.3333,
        "page_hit@3": 0.6667,
        "page_hit@5": 0.6667,
        "page_hit@10": 0.6667,
        "document_mrr": round((1 + 1 / 4 + 0 + 1) / 4, 4),
        "page_mrr": 0.5,
        "page_ndcg@10": round((first / (1 + 1 / math.log2(3)) + 0 + 1) / 3, 4),
        "citation_precision": 0.125,
        "answers_citing_gold": 0.5,
        "refusal_accuracy": 0.6,
    }
    assert {name: one.n for name, one in found.items() if one.n != 3} == {
        **{f"document_hit@{depth}": 4 for depth in (1, 3, 5, 10)},
        "document_mrr": 4,
        "citation_precision": 2,
        "answers_citing_gold": 2,
        "refusal_accuracy": 5,
    }
    assert confusion(rows) == {"answered": 2, "wrongly_refused": 1, "wrongly_answered": 1, "refused": 1}


def test_depths_go_as_far_as_was_looked() -> None:
    found = figures([row(document_rank=4, page_ranks=(4,))], 4)
    assert {name for name in found if "@" in name} == {
        *(f"{what}_hit@{depth}" for what in ("document", "page") for depth in (1, 3, 4)),
        "page_ndcg@4",
    }
    assert (found["page_hit@3"].value, found["page_hit@4"].value) == (0.0, 1.0)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of sets of 40 questions of which 30 % go wrong: 95 in 100 intervals hold the 0.7, give or take."""
    chance = Random(7)
    found = [figure([float(chance.random() < 0.7) for _ in range(40)]) for _ in range(200)]
    assert 180 <= sum(one.low <= 0.7 <= one.high for one in found) <= 198


def test_the_same_rows_give_the_same_interval() -> None:
    found = figure([1.0] * 12 + [0.0] * 8)
    assert found == figure([1.0] * 12 + [0.0] * 8)
    assert (found.value, found.n) == (0.6, 20)
    assert 0.35 <= found.low < 0.45
    assert 0.75 < found.high <= 0.85


def test_questions_side_by_side_show_what_two_intervals_would_hide() -> None:
    old = [row(page_ranks=(1,) if number < 12 else ()) for number in range(40)]
    new = [row(page_ranks=(1,) if number < 20 else ()) for number in range(40)]
    found = differences(list(zip(old, new, strict=True)), 10)["page_hit@10"]
    assert (found.before, found.after, found.change.value, found.change.n) == (0.3, 0.5, 0.2, 40)
    assert found.is_sure
    alone = figures(old, 10)["page_hit@10"], figures(new, 10)["page_hit@10"]
    assert alone[0].high > alone[1].low, "their own intervals overlap"
    same = differences(list(zip(old, old, strict=True)), 10)["page_hit@10"]
    assert (same.change.value, same.is_sure) == (0.0, False)


JUDGED = [
    *(Judged(is_answerable=True, score=score) for score in (0.35, 0.6, 0.7, 0.8)),
    *(Judged(is_answerable=False, score=score) for score in (0.1, 0.2, 0.4, 0.5)),
]


@pytest.mark.parametrize(
    ("bound", "threshold", "after"),
    [
        (None, 0.55, {"answered": 3, "wrongly_refused": 1, "wrongly_answered": 0, "refused": 4}),
        (1, 0.55, {"answered": 3, "wrongly_refused": 1, "wrongly_answered": 0, "refused": 4}),
        (0, 0.275, {"answered": 4, "wrongly_refused": 0, "wrongly_answered": 2, "refused": 2}),
    ],
)
def test_the_threshold_makes_the_fewest_errors_within_the_bound(
    bound: int | None, threshold: float, after: dict[str, int]
) -> None:
    found = calibrate(JUDGED, present=0.22, max_wrong_refusals=bound)
    assert found.threshold == pytest.approx(threshold)
    assert found.after == after
    assert found.before == {"answered": 4, "wrongly_refused": 0, "wrongly_answered": 2, "refused": 2}
    assert found.auc == 14 / 16
