"""The names and years in a question, and which of them passages mention."""

from __future__ import annotations

import pytest

from retrieval.question_names import look_for_subjects, names_in, telling_words, years_in


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What is Adobe's operating margin in FY2023?", ["Adobe"]),
        ("Does Mercy Hospital pay Doctor Chen’s travel?", ["Mercy Hospital", "Doctor Chen"]),
        ("How much did 3M and AMEX spend?", ["3M", "AMEX"]),
        ("Which of Boeing, Airbus and Embraer grew?", ["Boeing", "Airbus", "Embraer"]),
        ("When was it in March 2020 or Q3?", []),
        ("Leave is how long?", []),
        ("JnJ: what is its margin?", ["JnJ"]),
        ("How full were Boeing's Chicago offices?", ["Boeing", "Chicago"]),
        ("Is Boeing larger than Boeing was?", ["Boeing"]),
        ("how long is leave", []),
        ("", []),
    ],
)
def test_capitalised_words_that_do_not_begin_a_sentence(question: str, names: list[str]) -> None:
    assert names_in(question) == names


@pytest.mark.parametrize(
    ("question", "years"),
    [
        ("Sales in 2019 and FY2021?", ["2019", "2021"]),
        ("Sales in FY19, CY '20 and Q3'21?", ["2019", "2020", "2021"]),
        ("Sales of FY 2019 against FY19", ["2019"]),
        ("Room 20195, at 19:00, number 1850", []),
    ],
)
def test_years_however_they_are_written(question: str, years: list[str]) -> None:
    assert years_in(question) == years


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Which kiln has the number zx4711?", {"zx4711"}),
        ("The display says E09. What should I check?", {"e09"}),
        ("What did Best Buy earn in Q2 of FY2019, by 12%?", {"best", "buy"}),
        ("how many in 2019 and 1,234.5", set()),
    ],
)
def test_words_that_tell_are_names_and_codes(question: str, words: set[str]) -> None:
    assert telling_words(question) == words


PASSAGES = [
    ("BESTBUY_2024Q2_10Q.pdf", "Net earnings of the domestic segment rose, as Moody’s said."),
    ("Johnson & Johnson 2022", "Research in Leiden cost more than in 2021."),
]


@pytest.mark.parametrize(
    ("question", "names", "years"),
    [
        ("What did Best Buy earn in Q2 of FY2024?", [], []),
        ("What did JnJ spend in Leiden in FY21?", [], []),
        ("What did Moody's say?", [], []),
        ("What did the Moodys say?", [], []),
        ("What did Adobe earn in 2022 and 2019?", ["Adobe"], ["2019"]),
        # Terms in capitals are no names where there is another one, and no document is called so.
        ("What was Adobe's EBIT in USD?", ["Adobe"], []),
        ("What was the EBIT?", ["EBIT"], []),
        ("What did JPM say?", ["JPM"], []),
        ("what was it", [], []),
    ],
)
def test_what_no_passage_mentions(question: str, names: list[str], years: list[str]) -> None:
    subjects = look_for_subjects(question, PASSAGES)
    assert (list(subjects.missing_names), list(subjects.missing_years)) == (names, years)


def test_without_passages_everything_is_missing() -> None:
    subjects = look_for_subjects("What did Adobe earn in 2022?", [])
    assert (subjects.missing_names, subjects.missing_years) == (("Adobe",), ("2022",))
