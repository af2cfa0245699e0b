"""The names in a question."""

from __future__ import annotations

import pytest

from retrieval.names import names_in


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
        ("Is Boeing larger than Boeing was?", ["Boeing"]),
        ("how long is leave", []),
        ("", []),
    ],
)
def test_capitalised_words_that_do_not_begin_a_sentence(question: str, names: list[str]) -> None:
    assert names_in(question) == names
