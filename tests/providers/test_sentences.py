"""Sentences of prose, headings, bullets and tables, as they come out of files."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.sentences import MAX_LENGTH, is_table_row, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\f ", []),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("  Padded.  \n", ["Padded."]),
        ("He said “stop.” Then he left.", ["He said “stop.”", "Then he left."]),
        ("Well... it depends. Wait… what?", ["Well... it depends.", "Wait… what?"]),
        ("It grew by 3.5% to 1.2 million. Good.", ["It grew by 3.5% to 1.2 million.", "Good."]),
        ("See www.example.org/a.b for more.", ["See www.example.org/a.b for more."]),
        (
            "Dr. Ada Byron of Acme Inc. is in the U.S. now.",
            ["Dr. Ada Byron of Acme Inc. is in the U.S. now."],
        ),
        ("Bought by Acme Inc. The price is secret.", ["Bought by Acme Inc.", "The price is secret."]),
        ("Sold in the U.S. Government bonds fell.", ["Sold in the U.S. Government bonds fell."]),
        ("Use tools, e.g. A or B. See No. 5 and p. 7.", ["Use tools, e.g. A or B.", "See No. 5 and p. 7."]),
        ("The answer is no. We left.", ["The answer is no.", "We left."]),
        ("J. R. Smith signed on Jan. 5.", ["J. R. Smith signed on Jan. 5."]),
        ("这是第一句。这是第二句！好吗？", ["这是第一句。", "这是第二句！", "好吗？"]),
        ("彼は「行く。」と言った。", ["彼は「行く。」", "と言った。"]),
    ],
)
def test_full_stops_that_end_a_sentence_and_those_that_do_not(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_line_break_inside_a_sentence_does_not_end_it() -> None:
    wrapped = (
        "The committee met on four occasions during the year and looked into the accounts\n"
        "of both subsidiaries. It found no fault. A report of its findings was sent to the\n"
        "Board in May.\n"
        "Next Heading\n"
        "Another paragraph begins."
    )
    assert sentences(wrapped) == [
        wrapped.partition(" It found")[0],
        "It found no fault.",
        "A report of its findings was sent to the\nBoard in May.",
        "Next Heading",
        "Another paragraph begins.",
    ]


def test_every_row_of_a_table_stands_alone() -> None:
    table = (
        "Consolidated results\n(in thousands, except where stated)\nYears ended March 31, 2024 2023\n"
        "Sales of pumps $ 1,204 $ 998\nCost of sales (610) (544)\nTax — 12\nMargin 49.3 % 45.5 %\n"
        "Less: share of the result that belongs to the holders of minority interests (11) (8)\n"
        "Net result 402 317\n7"
    )
    assert sentences(table) == table.split("\n")


def test_bullets_and_numbered_items_are_sentences_with_their_numbers() -> None:
    items = "We offer:\n• repairs\n• parts and advice\n1. First step. Then rest.\n2) Second\n(a) third\n- fourth"
    assert sentences(items) == [
        "We offer:",
        "• repairs",
        "• parts and advice",
        "1. First step.",
        "Then rest.",
        "2) Second",
        "(a) third",
        "- fourth",
    ]


def test_a_label_belongs_to_its_heading() -> None:
    assert sentences("Item 1A. Risk Factors\nNote 7. Leases") == ["Item 1A. Risk Factors", "Note 7. Leases"]


def test_pages_and_paragraphs_are_borders() -> None:
    line = "This line is long enough to look as if it went on in the line that follows it but"
    assert sentences(f"{line}\n\nNew") == [line, "New"]
    assert sentences(f"{line}\fNew") == [line, "New"]
    assert sentences(f"{line}\nnew") == [f"{line}\nnew"]


def test_a_run_without_full_stops_is_cut_where_it_hurts_least() -> None:
    clause = "the party of the first part shall bear the cost"
    run = "; ".join([clause] * 20)
    parts = sentences(run)
    assert all(part.endswith(";") for part in parts[:-1])
    assert " ".join(parts) == run
    assert [len(part) for part in sentences("x" * 1000)] == [400, 400, 200]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Total 5 7", True),
        ("Revenue (in €) 1.234,5 — (7,1)%", True),
        ("Abstain 3,357,516", True),
        ("in the year that ended on December 31, 2022", False),
        ("We have 5 shops in 2 towns", False),
        ("2022", False),
        ("", False),
    ],
)
def test_rows_end_in_figures(line: str, expected: bool) -> None:
    assert is_table_row(line) is expected


@given(st.text(alphabet=st.sampled_from("ab A1.,;!?。、\n\r\f\t\u2028\u00a0•-()[]$%—é🏖"), max_size=1500))
def test_spans_are_ordered_trimmed_bounded_and_lose_nothing(text: str) -> None:
    spans = sentence_spans(text)
    assert all(0 < end - start <= MAX_LENGTH for start, end in spans)
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


@pytest.mark.parametrize(
    "unit", ["A plain sentence of a dozen words that says nothing of note. ", "a", ".", "\n-"]
)
def test_hostile_and_plain_text_take_time_in_proportion(unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    sentence_spans(text[:1000])
    started = time.process_time()
    sentence_spans(text)
    assert time.process_time() - started < 1
