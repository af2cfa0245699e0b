"""Passages for the model, by numbers: near ties are decided, and nothing else; and all of it fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from conversations.answering.passage_policy import WEIGHTS, Cited, fit, rerank
from conversations.prompting.budget import count_tokens
from retrieval.types import Hit

TODAY = datetime(2026, 1, 1, tzinfo=UTC)


def hit(score: float, text: str = "Thirty days.", *, document: UUID | None = None, start: int = 100) -> Hit:
    return Hit(
        document=document or uuid4(),
        name="handbook.pdf",
        title="Handbook",
        version=1,
        page=1,
        text=text,
        score=score,
        start=start,
        end=start + len(text),
        cosine=0.5,
    )


def order(hits: list[Hit], *, ages: list[int] | None = None, cited: list[Cited] | None = None) -> list[int]:
    """Places of the hits in the new order; ages in days."""
    dates = (
        {}
        if ages is None
        else {one.document: TODAY - timedelta(days=age) for one, age in zip(hits, ages, strict=True)}
    )
    return [hits.index(one) for one in rerank(hits, dates=dates, cited=cited or [])]


def test_without_dates_and_citations_the_search_decides() -> None:
    assert order([hit(3.0), hit(2.0), hit(2.0), hit(-1.0)]) == [0, 1, 2, 3]
    assert order([]) == []
    assert order([hit(1.0), hit(1.0)]) == [0, 1]


def test_of_near_ties_the_newer_comes_first_and_of_others_the_better() -> None:
    # The scores run over 10: freshness is worth 0.03 of that, half of it after a year.
    near = [hit(10.0), hit(9.88), hit(0.0)]
    assert order(near, ages=[365, 0, 0]) == [1, 0, 2]
    assert order(near, ages=[180, 0, 0]) == [0, 1, 2]
    far = [hit(10.0), hit(9.69), hit(0.0)]
    assert order(far, ages=[36_500, 0, 0]) == [0, 1, 2]
    assert order(near, ages=[5, 5, 5]) == [0, 1, 2]


def test_what_the_conversation_has_cited_rises_a_little() -> None:
    hits = [hit(10.0), hit(9.61), hit(0.0)]
    second = Cited(hits[1].document, 1, 104, 106)
    assert order(hits, cited=[second]) == [1, 0, 2]
    for other in (
        replace(second, document=uuid4()),
        replace(second, version=2),
        replace(second, start=0, end=100),
        replace(second, start=112, end=120),
    ):
        assert order(hits, cited=[other]) == [0, 1, 2]
    far = [hit(10.0), hit(9.59), hit(0.0)]
    assert order(far, cited=[Cited(far[1].document, 1, 104, 106)]) == [0, 1, 2]


def test_all_that_is_added_is_less_than_a_tenth_of_the_range() -> None:
    assert WEIGHTS.freshness + WEIGHTS.same_conversation < 0.1


def test_three_to_ten_passages_are_given() -> None:
    hits = [hit(float(20 - number)) for number in range(20)]
    assert [len(fit(hits, wanted=wanted, tokens=10_000)) for wanted in (1, 3, 7, 10, 20)] == [3, 3, 7, 10, 10]
    assert fit(hits, wanted=7, tokens=10_000) == hits[:7]
    assert fit([], wanted=7, tokens=0) == []


TITLE = count_tokens("Handbook")


def test_fewer_passages_fit_a_smaller_context() -> None:
    hits = [hit(float(9 - number), "word " * 180) for number in range(9)]  # 343 tokens each, by our count
    assert [len(fit(hits, wanted=7, tokens=tokens)) for tokens in (2_401, 2_000, 1_400, 1_030)] == [7, 5, 4, 3]


def test_where_not_even_three_fit_they_are_cut_short() -> None:
    text = "über die Maßen " * 60
    kept = fit([hit(3.0, text), hit(2.0, text), hit(1.0, "Short.")], wanted=7, tokens=600)
    assert len(kept) == 3
    assert sum(count_tokens(one.text) + TITLE + 40 for one in kept) <= 600
    for one in kept[:2]:
        assert text.startswith(one.text)
        assert 400 < len(one.text) < len(text)
        assert not text[len(one.text)].isalpha()
        assert one.end == one.start + len(one.text)
    assert kept[2].text == "Short."


def test_no_room_is_ever_passed() -> None:
    texts = ["word " * 200, "窯を焚く。" * 100, "3,141.59 | " * 90, "🧱🔥" * 120, "x" * 1000]
    for tokens in range(0, 2_500, 37):
        for text in texts:
            kept = fit([hit(1.0, text)] * 9, wanted=7, tokens=tokens)
            assert sum(count_tokens(one.text) + TITLE + 40 for one in kept) <= tokens
            assert len(kept) >= min(3, tokens // 110)
    assert fit([hit(1.0, texts[0])] * 3, wanted=3, tokens=90) == []
