"""Files of questions: lenient in form, and errors that name the line."""

from __future__ import annotations

import json

import pytest

from retrieval.evaluation.cases import MAX_CASES, Case, cases_of, read_cases
from tenants.errors import InvalidInput


def lines(*objects: object) -> bytes:
    return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in objects).encode()


def test_a_question_a_line_with_what_is_right() -> None:
    found = read_cases(
        b"\xef\xbb\xbf"
        + lines(
            {"id": "a", "question": " How much? ", "document": "Report.pdf", "pages": [7, 3, 7], "answer": 24.26},
            "",
            {"question": "Who?", "answerable": False, "unknown": {"to": "us"}},
            {"query": "Where?", "is_answerable": "yes", "file": "map.pdf", "page": "2\u0031"},
        )
        + b"\r\n"
    )
    assert found == [
        Case(key="a", text="How much?", document="Report.pdf", pages=(3, 7), answer="24.26"),
        Case(key="3", text="Who?", is_answerable=False),
        Case(key="4", text="Where?", document="map.pdf", pages=(21,)),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "Line 2: this is not JSON. Each line holds one question as a JSON object."),
        ("[" * 100_000, "Line 2: this is not JSON. Each line holds one question as a JSON object."),
        ([1], "Line 2: a JSON object is expected, as {“question”: “…”}."),
        ({"question": "  "}, "Line 2: it has no question."),
        ({"question": ["a"]}, "Line 2: “question” is a text."),
        ({"question": "a\0b"}, "Line 2: “question” has characters that cannot be kept."),
        ('{"question": "\\ud800"}', "Line 2: “question” has characters that cannot be kept."),
        ({"question": "x" * 8_001}, "Line 2: “question” has at most 8,000 characters."),
        ({"question": "?", "answerable": "perhaps"}, "Line 2: “answerable” is true or false."),
        ({"question": "?", "pages": [0]}, "Line 2: “pages” is a list of numbers that count from 1."),
        ({"question": "?", "pages": [True]}, "Line 2: “pages” is a list of numbers that count from 1."),
        ({"question": "?", "pages": ["²"]}, "Line 2: “pages” is a list of numbers that count from 1."),
        ({"question": "?", "id": "first"}, "Line 2: the id “first” stands in line 1 already."),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: object, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_cases(lines({"id": "first", "question": "Who?"}, line))
    assert caught.value.detail == words


def test_every_wrong_line_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_cases(lines({"question": "Who?"}, "{", {"question": ""}))
    assert [(one.pointer, one.detail) for one in caught.value.errors] == [
        ("/lines/2", "Line 2: this is not JSON. Each line holds one question as a JSON object."),
        ("/lines/3/question", "Line 3: it has no question."),
    ]
    assert caught.value.detail.endswith("JSON object. And 1 more.")


def test_bytes_that_are_no_text_and_files_without_questions_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^Line 2: this is not UTF-8 text\.$"):
        read_cases(b'{"question": "Who?"}\n\xff')
    for empty in (b"", b"\n \n"):
        with pytest.raises(InvalidInput, match="There are no questions in it"):
            read_cases(empty)
    with pytest.raises(InvalidInput, match="at most 5,000"):
        cases_of([{"question": "?"}] * (MAX_CASES + 1))


def test_objects_count_from_one_in_words_and_from_nothing_in_pointers() -> None:
    with pytest.raises(InvalidInput) as caught:
        cases_of([{"question": "Who?"}, {}])
    [error] = caught.value.errors
    assert (error.pointer, error.detail) == ("/questions/1/question", "Question 2: it has no question.")
