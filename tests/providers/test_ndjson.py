"""The reader of JSON lines, fed in pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat.lines import MAX_LINE_BYTES, MalformedLineError
from providers.chat.ndjson import NdjsonReader

STREAM = '\ufeff\r\n{"a": "zwölf"}\r\n\n\ufeff{"b": "🏖"}\n  \n{"c": 3}'.encode()


@given(st.lists(st.integers(min_value=1, max_value=len(STREAM)), max_size=10))
def test_pieces_of_any_size_give_the_same_objects(cuts: list[int]) -> None:
    reader = NdjsonReader()
    borders = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(borders)]
    records = [record for piece in pieces for record in reader.feed(piece)]
    assert [*records, *reader.finish()] == [{"a": "zwölf"}, {"b": "🏖"}, {"c": 3}]


@pytest.mark.parametrize(
    "line", [b"no", b"[1]", b"3", b'{"a": "\xff"}', b'{"a": 1} {"b": 2}', b'{"a": ' + b"[" * 100_000]
)
def test_a_line_that_is_no_object_is_refused_after_those_before_it(line: bytes) -> None:
    reader = NdjsonReader()
    records = reader.feed(b'{"good": 1}\n' + line + b"\n")
    assert next(records) == {"good": 1}
    with pytest.raises(MalformedLineError):
        next(records)


def test_a_line_may_be_long_but_not_longer_than_the_limit() -> None:
    longest = b'{"a": "' + b"x" * (MAX_LINE_BYTES - 9) + b'"}'
    assert len(list(NdjsonReader().feed(longest + b"\n"))) == 1
    with pytest.raises(MalformedLineError):
        list(NdjsonReader().feed(longest + b" x\n"))


def test_a_line_that_never_ends_is_refused_while_it_grows() -> None:
    reader = NdjsonReader()
    assert list(reader.feed(b"x" * MAX_LINE_BYTES)) == []
    with pytest.raises(MalformedLineError):
        next(reader.feed(b"x"))
