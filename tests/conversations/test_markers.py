"""Markers in a stream of text: what is shown does not depend on how the model's text was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.citing.markers import MarkerFilter, markers_in, neutralise

KNOWN = {1, 2, 3}
# What markers are made of, and what may stand round them.
_TEXTS = st.text(alphabet="[] ,0123456789a.`~\n🏖é\u0301", max_size=60)


def filtered(pieces: list[str]) -> str:
    markers = MarkerFilter(KNOWN)
    return "".join(markers.feed(piece) for piece in pieces) + markers.flush()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Leave is paid [1].", "Leave is paid [1]."),
        ("Leave is paid [1, 3].", "Leave is paid [1, 3]."),
        ("Leave is paid [ 1 ,3 ].", "Leave is paid [1, 3]."),
        ("Leave is paid [1, 1].", "Leave is paid [1]."),
        ("Leave is paid [1][2].", "Leave is paid [1][2]."),
        ("Leave is paid [9].", "Leave is paid ."),
        ("Leave is paid [9, 2, 10].", "Leave is paid [2]."),
        ("Leave is paid [0].", "Leave is paid ."),
        ("An array a[i] and a [link](x).", "An array a[i] and a [link](x)."),
        ("The end [1", "The end [1"),
        ("The end [", "The end ["),
        ("Long [1234].", "Long [1234]."),
        ("[[1]]", "[[1]]"),
        ("`a[0]` is not [9].", "`a[0]` is not ."),
        ("``a`[0]`` is not [9], [\n9].", "``a`[0]`` is not , ."),
        ("```js\na[0] = b[9]\n```\nSo it is [9][1].", "```js\na[0] = b[9]\n```\nSo it is [1]."),
        ("~~~\na[0]\n```\na[9]\n~~~\nEnd [0].", "~~~\na[0]\n```\na[9]\n~~~\nEnd ."),
        ("```a[0]``` and [9].", "```a[0]``` and ."),
        ("A ` alone [9].\n\nAnother paragraph [9].", "A ` alone [9].\n\nAnother paragraph ."),
        ("A ` alone\n```\na[0]\n```\nEnd [9].", "A ` alone\n```\na[0]\n```\nEnd ."),
        ("    ```\nNot [9] closed", "    ```\nNot [9] closed"),
    ],
)
def test_only_numbers_of_sources_stay_in_brackets(text: str, shown: str) -> None:
    assert filtered([text]) == shown
    assert filtered(list(text)) == shown


@given(text=_TEXTS, cuts=st.lists(st.integers(min_value=0, max_value=60), max_size=8))
def test_what_is_shown_is_the_same_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    assert filtered(pieces) == filtered([text])


@given(text=_TEXTS)
def test_nothing_shown_is_ever_taken_back(text: str) -> None:
    markers = MarkerFilter(KNOWN)
    shown = ""
    for character in text:
        shown += markers.feed(character)
        assert filtered([text]).startswith(shown)
    numbers = {number for _, _, found in markers_in(shown + markers.flush()) for number in found}
    assert numbers <= KNOWN


def test_a_marker_is_held_back_until_it_is_whole() -> None:
    markers = MarkerFilter(KNOWN)
    assert [markers.feed(piece) for piece in ("So it is [", "1", ", ", "2", "]", " and")] == [
        "So it is ",
        "",
        "",
        "",
        "[1, 2]",
        " and",
    ]
    # What cannot become one goes on at once.
    assert [markers.feed(piece) for piece in (" [", "x")] == [" ", "[x"]


def test_what_is_gone_on_with_may_begin_in_code() -> None:
    markers = MarkerFilter(KNOWN, "```js\na")
    assert markers.feed("[0]\n```\n[0][1]") + markers.flush() == "[0]\n```\n[1]"


def test_markers_are_found_with_their_places() -> None:
    assert markers_in("`a[1]` [2]\n```\n[3]\n```\n[1]") == [(7, 10, (2,)), (23, 26, (1,))]
    assert markers_in("🏖️ a [1], b [2, 3] and [x]") == [(5, 8, (1,)), (12, 18, (2, 3))]


@pytest.mark.parametrize(
    ("passage", "read"),
    [
        ("See note [4].", "See note (4)."),
        ("See [1, 2] and [12].", "See (1, 2) and (12)."),
        ("In [2019] and [a].", "In (2019) and [a]."),
    ],
)
def test_bracketed_numbers_of_documents_become_round(passage: str, read: str) -> None:
    assert neutralise(passage) == read
