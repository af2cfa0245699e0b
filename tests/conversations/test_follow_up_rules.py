"""Which questions lean on the conversation, and what rules make of them."""

from __future__ import annotations

import pytest

from conversations.follow_ups import essentials_of, last_whole, made_whole, names_period, needs_conversation

REVENUE = "What was the net revenue of Contoso in 2020?"
HOLIDAY = "How many days of paid holiday does a full-time employee have?"
SPENT = "What is the FY2018 capital expenditure (in USD millions) for 3M?"


@pytest.mark.parametrize(
    ("question", "last", "whole"),
    [
        ("and in 2021?", REVENUE, "What was the net revenue of Contoso in 2021?"),
        ("and in 2020?", REVENUE, REVENUE),
        ("2021?", REVENUE, "What was the net revenue of Contoso in 2021?"),
        ("How much in 2021?", REVENUE, "What was the net revenue of Contoso in 2021?"),
        ("And for Boeing?", REVENUE, "What was the net revenue of Boeing in 2020?"),
        ("what about Boeing?", REVENUE, "What was the net revenue of Boeing in 2020?"),
        ("What about Boeing in 2019?", REVENUE, "What was the net revenue of Boeing in 2019?"),
        ("And Boeing's?", REVENUE, "What was the net revenue of Boeing in 2020?"),
        ("in Q3?", REVENUE, "What was the net revenue of Contoso in Q3 2020?"),
        (
            "and in the third quarter?",
            REVENUE,
            "What was the net revenue of Contoso in the third quarter of 2020?",
        ),
        ("And Q4 2021?", "What was revenue in Q3 2020?", "What was revenue in Q4 2021?"),
        ("and in FY2022?", SPENT, "What is the FY2022 capital expenditure (in USD millions) for 3M?"),
        ("and for Adobe?", SPENT, "What is the FY2018 capital expenditure (in USD millions) for Adobe?"),
        ("and in 2021?", "How did revenue change between 2019 and 2020?", "How did revenue change in 2021?"),
        ("and in 2021?", "Who chairs Contoso?", "Who chairs Contoso in 2021?"),
        ("in Europe?", "What did Contoso sell in North America?", "What did Contoso sell in Europe?"),
        ("What was their operating income?", REVENUE, "What was Contoso’s operating income in 2020?"),
        ("Who is its chairman?", "Where is Contoso?", "Who is Contoso’s chairman?"),
        ("the net income?", REVENUE, "What was the net income of Contoso in 2020?"),
        ("and operating income?", REVENUE, "net revenue of Contoso in 2020: operating income?"),
        ("why?", REVENUE, "net revenue of Contoso in 2020: why?"),
        ("Why did it fall?", REVENUE, "net revenue of Contoso in 2020: Why did it fall?"),
        ("Tell me more.", REVENUE, "net revenue of Contoso in 2020: Tell me more"),
        ("What does that mean?", REVENUE, "net revenue of Contoso in 2020: What does that mean?"),
        ("which one is higher?", REVENUE, "net revenue of Contoso in 2020: which one is higher?"),
        (
            "And for part-time employees?",
            HOLIDAY,
            "days of paid holiday does a full-time employee have: for part-time employees?",
        ),
        ("Und 2021?", "Wie hoch war der Umsatz von Contoso 2020?", "Wie hoch war der Umsatz von Contoso 2021?"),
        (
            "und für Boeing?",
            "Wie hoch war der Umsatz von Contoso 2020?",
            "Wie hoch war der Umsatz von Contoso 2020: für Boeing?",
        ),
    ],
)
def test_what_leans_on_the_conversation_is_made_whole(question: str, last: str, whole: str) -> None:
    assert needs_conversation(question)
    assert made_whole(question, last) == whole


@pytest.mark.parametrize(
    "question",
    [
        REVENUE,
        HOLIDAY,
        SPENT,
        "And what was the net revenue of Boeing in 2021?",
        "And is a night train refunded?",
        "parental leave",
        "The capital of France?",
        "What did the IT team plan?",
        "Vacation",
        "Thanks!",
        "Hello",
        "net revenue Contoso 2020",
        "What about parental leave for part-time employees?",
        "What about the net revenue of Boeing in 2021?",
        "Is it allowed to smoke?",
        "How long does it take to get a refund?",
        "What did Boeing say about its revenue?",
        "When an employee loses their badge, what must they do?",
        "How do employees claim their expenses?",
        "Does the machine need its licence?",
        "Who is the company that makes engines?",
        "Of the two machines, which one is older?",
        "What is this agreement about?",
        "Who signs the contract?",
        "Wo kommt das her?",
        "Wie viele Tage Urlaub gibt es?",
        "it " * 20_000,
    ],
)
def test_what_stands_by_itself_is_left_alone(question: str) -> None:
    assert not needs_conversation(question)


def test_the_last_whole_question_is_the_latest_that_stands_by_itself_or_was_made_to() -> None:
    assert last_whole([]) == ""
    assert last_whole([("and in 2021?", "")]) == ""
    assert last_whole([(REVENUE, ""), ("why?", "")]) == REVENUE
    assert (
        last_whole([(REVENUE, ""), ("and in 2021?", "Revenue of Contoso in 2021?")])
        == "Revenue of Contoso in 2021?"
    )


def test_years_and_names_of_a_follow_up_are_kept() -> None:
    assert essentials_of("And what about Boeing in 2021?") == ["2021", "Boeing"]
    assert essentials_of("why?") == []


def test_a_period_is_a_year_a_quarter_or_a_month() -> None:
    named = [REVENUE, "What was sold in the third quarter?", "What was sold in FY2021?", "What came in March?"]
    assert all(map(names_period, named))
    assert not names_period(HOLIDAY)
