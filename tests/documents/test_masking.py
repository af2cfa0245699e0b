"""Personal data: what is found, what is left alone, and that places hold."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.masking import (
    MAX_PATTERN,
    Masker,
    MaskingRules,
    Pattern,
    PatternError,
    PatternTimeout,
    compile_pattern,
    is_masked_form,
)

ALL = MaskingRules(emails=True, phones=True, cards=True, ibans=True)


def found(text: str, rules: MaskingRules = ALL) -> tuple[list[str], dict[str, int]]:
    """What is hidden of a text without newlines, and how much of each kind."""
    masked = Masker(rules).mask(text)
    assert len(masked.text) == len(text)
    pieces = "".join(
        sign if hidden == "•" else "\n" for sign, hidden in zip(text, masked.text, strict=True)
    ).split("\n")
    return [piece for piece in pieces if piece], dict(masked.counts)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            ("emails", one)
            for one in ("john.doe+x@example.co.uk", "jürgen@bücher.example", "a@b-c.de", "名前@例え.jp")
        ),
        *(("ibans", one) for one in ("DE89 3704 0044 0532 0130 00", "de89370400440532013000")),
        *(("ibans", one) for one in ("GB82 WEST 1234 5698 7654 32", "FR14-2004-1010-0505-0001-3M02-606")),
        *(("cards", one) for one in ("4111 1111 1111 1111", "4111111111111111", "5555-5555-5555-4444")),
        *(
            ("cards", one)
            for one in ("3782 822463 10005", "6011\u00a00009\u00a09013\u00a09424", "４１１１ 1111 1111 1111")
        ),
        *(
            ("phones", one)
            for one in ("+49 30 1234567", "+4930123456789", "0049 30 1234567", "+44 (0)20 7946 0958")
        ),
        *(("phones", one) for one in ("(555) 223-4567", "555-223-4567", "1-800-555-0199", "+1.555.223.4567")),
        *(
            ("phones", one)
            for one in ("030/1234567", "0171 1234567", "06 12 34 56 78", "03-1234-5678", "01712345678")
        ),
        ("phones", "+٤٩ ٣٠ ١٢٣٤٥٦٧"),
    ],
)
def test_personal_data_is_hidden_whole_and_nothing_beside_it(kind: str, text: str) -> None:
    assert found(text) == ([text], {kind: 1})
    assert found(f"Write to <{text}>, please.") == ([text], {kind: 1})
    assert found(f"| {text} | 12 |") == ([text], {kind: 1})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Tel.: 089 / 123 456-78", "089 / 123 456-78"),
        ("Call 555-0123 now", "555-0123"),
        ("☎ 98765 43210", "98765 43210"),
    ],
)
def test_what_is_called_a_telephone_number_is_one(text: str, number: str) -> None:
    assert found(text) == ([number], {"phones": 1})


@pytest.mark.parametrize(
    "text",
    [
        *("2024-01-15", "15.01.2024", "01/02/2003 04/05", "12:30-14:00", "2020-2021", "Form 10-K 2021"),
        *(
            "1,204 3.5 (0.12)",
            "1,234,567,890",
            "$ 0.123456",
            "3.14159265358",
            "2019 2020 2021 2022",
            "0 12 345 678",
        ),
        *("10.0.0.1", "ISBN 978-3-16-148410-0", "Boston, MA 02139-4307", "001-37622 10.1", "0001234567"),
        *("4111 1111 1111 1112", "0000 0000 0000 0000", "1234 5678 9012 3452"),
        *("DE89 3704 0044 0532 0130 01", "DE89 3704 0044 0532 0130 0", "XX89 3704 0044 0532 0130 00"),
        *("at @example", "a@b", "user@localhost 3 @ 4.50"),
    ],
)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert found(text) == ([], {})


def test_only_what_is_wanted_is_hidden() -> None:
    text = "a@b.de, +49 30 1234567, 4111 1111 1111 1111, DE89370400440532013000"
    for kind in ("emails", "phones", "cards", "ibans"):
        wanted: dict[str, Any] = {kind: True}
        assert found(text, MaskingRules(**wanted))[1] == {kind: 1}
    assert found(text, MaskingRules()) == ([], {})
    assert found(text)[1] == {"emails": 1, "phones": 1, "cards": 1, "ibans": 1}


def test_numbers_that_follow_each_other_are_told_apart() -> None:
    assert found("4111 1111 1111 1111 123") == (["4111 1111 1111 1111"], {"cards": 1})
    assert found("GB82 WEST 1234 5698 7654 32 BIC WESTGB") == (["GB82 WEST 1234 5698 7654 32"], {"ibans": 1})


def test_own_patterns() -> None:
    rules = MaskingRules(
        patterns=(Pattern("Case", r"(?i)case-\d{4}"), Pattern("Name", r"\p{Lu}\p{Ll}+ Müller|x*"))
    )
    assert found("CASE-1234 of Anna Müller, case-5", rules) == (
        ["CASE-1234", "Anna Müller"],
        {"Case": 1, "Name": 1},
    )


def test_a_masked_text_is_known_again() -> None:
    assert is_masked_form("to ••••!", "to ann!!")
    assert is_masked_form("• item", "• item")
    assert not is_masked_form("to ••••!", "To ann!!")
    assert not is_masked_form("to •••", "to ann!")


def test_newlines_stay() -> None:
    masked = Masker(MaskingRules(patterns=(Pattern("Address", r"Mill Lane \d+\nYork"),))).mask(
        "At Mill Lane 4\nYork."
    )
    assert masked.text == "At •••••••••••\n••••."


texts = st.lists(
    st.sampled_from(
        ["a@b.de", "+49 30 1234567", "4111 1111 1111 1111", "DE89370400440532013000", "👩🏽‍🚢", "é", "港"]
    )
    | st.text(max_size=8),
    max_size=30,
).map(" ".join)


@settings(deadline=None, max_examples=100)
@given(texts)
def test_every_other_sign_stays_in_its_place(text: str) -> None:
    masked = Masker(ALL).mask(text)
    assert len(masked.text) == len(text)
    assert all(new in {old, "•"} for old, new in zip(text, masked.text, strict=True))
    assert bool(masked.counts) == (masked.text != text)
    assert Masker(ALL).mask(masked.text) == (masked.text, Counter())


@pytest.mark.parametrize(
    "text",
    [
        one * (60_000 // len(one))
        for one in ("a", "1 ", "0", "+", "4111 ", "a.", "a@", "DE12 ", "(0", "0 1-", "tel ")
    ]
    + [
        "a@" + "b." * 30_000 + "_",
        "+1" + " 2" * 30_000 + "x",
        "0123" + "-4" * 30_000 + "x",
        "GB82" + "A" * 60_000,
    ],
    ids=lambda text: text[:4],
)
def test_no_text_is_slow(text: str) -> None:
    started = time.process_time()
    Masker(ALL).mask(text)
    assert time.process_time() - started < 2


def test_a_pattern_that_does_not_end_is_stopped_and_named() -> None:
    rules = MaskingRules(patterns=(Pattern("Fine", r"\d"), Pattern("Endless", r"(a+)+$")))
    masker = Masker(rules, seconds=0.2)
    assert masker.mask("baa 1 aa").counts == {"Fine": 1, "Endless": 1}
    with pytest.raises(PatternTimeout, match="“Endless”") as raised:
        masker.mask("a" * 3000 + "!")
    assert raised.value.name == "Endless"


def test_a_pattern_may_not_be_slow_on_every_page() -> None:
    masker = Masker(MaskingRules(patterns=(Pattern("Slow", r"\d"),)), document_seconds=0.0)
    with pytest.raises(PatternTimeout, match="“Slow”"):
        masker.mask("page")


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "(", "[a", r"\L<names>", "x" * (MAX_PATTERN + 1), "((a{9999}){9999}){9999}", "(?:a{99}){99}"),
        *("(?:(?R)|a)*b", "(?P<x>a(?&x)?)", "(a)(?1)", "()" * 21),
    ],
)
def test_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\d{4}-" * 60, r"(?:\d{4}[ -]?){4}", r"[\p{L}--[a]]+", r"(x)(?(1)a|b)", r"\({99}"]
)
def test_patterns_that_are_taken(pattern: str) -> None:
    assert compile_pattern(pattern).pattern == pattern


def test_random_numbers_are_seldom_cards() -> None:
    """Luhn's check alone lets every tenth number pass; the schemes' first digits leave fewer."""
    chance = random.Random(7)
    numbers = [str(chance.randrange(10**15, 10**16)) for _ in range(2_000)]
    assert 0 < sum(bool(Masker(MaskingRules(cards=True)).mask(one).counts) for one in numbers) < 120
