"""What a reader sees, and what a search and a model read instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.visible_text import legible, plain, without_unseen

TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"Plain{TAGS} words", "Plain words"),
        ("pass\u200bword\u2060s", "passwords"),
        ("man\u00adage", "manage"),
        ("\u202ekey\u202c", "key"),
        ("a\ufe0f b\U000e0101", "a b"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("two\nlines\tand tabs", "two\nlines\tand tabs"),
    ],
)
def test_signs_that_nobody_sees_go_and_those_that_spell_stay(text: str, seen: str) -> None:
    assert without_unseen(text) == seen


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("раssword", "password"),
        ("Αpple", "Apple"),
        ("Москва и Киев", "Москва и Киев"),
        ("Ελλάδα", "Ελλάδα"),
        ("TNFα and μg", "TNFα and μg"),
        ("ﬁnance of ＡＢＣ", "finance of ABC"),
        ("𝐛𝐨𝐥𝐝", "bold"),
        ("x² and ½", "x² and ½"),
    ],
)
def test_letters_that_only_look_like_others_are_read_as_those(text: str, read: str) -> None:
    assert plain(text) == read


def test_what_is_searched_keeps_the_places_of_words() -> None:
    text = "The ha\u200brbo\u00adur\u00a0раss is open."
    read = legible(text)
    assert read == "The harbour   pass is open."
    assert read.index("pass") == text.index("раss")


@given(st.text(alphabet=st.sampled_from("ab1 \n.\u200b\u00ad\u00a0\u200dаес" + TAGS + "é\u0301🏖"), max_size=60))
def test_what_is_searched_is_as_long_and_has_nothing_unseen_left_in_words(text: str) -> None:
    read = legible(text)
    assert len(read) == len(text)
    assert legible(read) == read
    assert without_unseen(read) == read
