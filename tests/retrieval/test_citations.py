"""Does the source say it? Spans are exact, whatever signs stand in the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.citations import overlap, plain_claim, supporting_span

PASSAGE = "Revenue rose to 4,210 million in 2023. The ﬁnance   team’s\nreport is public. “Costs” fell by 3%."


def quote(claim: str, passage: str = PASSAGE) -> str | None:
    span = supporting_span(claim, passage)
    return None if span is None else passage[slice(*span)]


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("Revenue rose to 4,210 million in 2023.", "Revenue rose to 4,210 million in 2023."),
        ("revenue ROSE to 4,210 million in 2023", "Revenue rose to 4,210 million in 2023."),
        ("Revenue was 4210 million", "Revenue rose to 4,210 million in 2023."),
        ("The finance team's report is public", "The ﬁnance   team’s\nreport is public."),
        ("It says: “the finance team's report is public”", "The ﬁnance   team’s\nreport is public."),
        ("Costs decreased 3 percent", "“Costs” fell by 3%."),
        ("Bananas are yellow", None),
        ("", None),
        ("the of and", None),
        ("“Revenue fell to 1 million in 2023”, it says", None),
    ],
)
def test_the_sentence_that_supports_a_claim(claim: str, found: str | None) -> None:
    assert quote(claim) == found


def test_two_quotations_must_both_stand_there() -> None:
    real, forged = "“rose to 4,210 million in 2023”", "“fell to nothing at all”"
    assert quote(f"It {real} and then {forged}.") is None
    assert quote(f"It {real}.") == "rose to 4,210 million in 2023."


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_whole_sentence_is_found_exactly_wherever_it_stands(before: str, after: str) -> None:
    sentence = "Every seventh lighthouse keeper plays chess"
    passage = f"{before} {sentence} {after}"
    assert quote(sentence, passage) in {sentence, f"{sentence}.", f"{sentence} ."}


@given(claim=st.text(max_size=60), passage=st.text(max_size=120))
def test_whatever_comes_a_span_lies_in_the_passage(claim: str, passage: str) -> None:
    span = supporting_span(claim, passage)
    assert span is None or 0 <= span[0] < span[1] <= len(passage)


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("- **Revenue** rose [1, 2].", "Revenue rose ."),
        ("> 1. `Costs` fell\\. [3]", "1. Costs fell."),
        ("## Title", "Title"),
        ("a\\*b", "a*b"),
    ],
)
def test_a_claim_is_read_without_its_signs(markdown: str, plain: str) -> None:
    assert plain_claim(markdown) == plain


def test_numbers_weigh_more_than_words_and_small_words_nothing() -> None:
    assert overlap("revenue in 2023", "In 2023 it was") == 2.0
    assert overlap("revenue in 2023", "Revenues are up") == 1.0
    assert overlap("revenue in 2023", "it was in the") == 0.0
