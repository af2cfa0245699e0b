"""The reader of OpenAI's events, fed in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat.lines import MAX_LINE_BYTES, MalformedLineError
from providers.chat.sse import SseReader

STREAM = (
    '\ufeff: OPENROUTER PROCESSING\r\n\r\ndata: {"a": "zwölf"}\r\n\r\n\r\nid: 7\nretry: 3000\n'
    'data:{"b": "🏖"}\n\nevent: message\ndata: {"c": 3}\n\ndata:\n\ndata: [DONE]'
).encode()


@given(st.lists(st.integers(min_value=1, max_value=len(STREAM)), max_size=10))
def test_pieces_of_any_size_give_the_same_objects(cuts: list[int]) -> None:
    reader = SseReader()
    borders = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(borders)]
    records = [record for piece in pieces for record in reader.feed(piece)]
    assert not reader.is_done
    assert [*records, *reader.finish()] == [{"a": "zwölf"}, {"b": "🏖"}, {"c": 3}]
    assert reader.is_done


@pytest.mark.parametrize(
    "line", [b"data: no", b"data: [1]", b'data: {"a": "\xff"}', b"error: no", b"{no", b"data: " + b"[" * 100_000]
)
def test_a_line_that_is_no_object_is_refused_after_those_before_it(line: bytes) -> None:
    reader = SseReader()
    records = reader.feed(b'data: {"good": 1}\n\n' + line + b"\n\n")
    assert next(records) == {"good": 1}
    with pytest.raises(MalformedLineError):
        next(records)


@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"error": {"code": 500}}\n\n',
        b'event: error\ndata: {"error": {"code": 500}}\n\n',
        b'event: error\ndata: {"code": 500}\n\n',
        b'error: {"code": 500}\n\n',
        b'{"error": {"code": 500}}\n',
    ],
)
def test_errors_come_in_many_ways(stream: bytes) -> None:
    (record,) = SseReader().feed(stream)
    assert record["error"] == {"code": 500}


def test_an_error_ends_with_its_event() -> None:
    first, second = SseReader().feed(b'event: error\ndata: {"code": 500}\n\ndata: {"a": 1}\n\n')
    assert ("error" in first, second) == (True, {"a": 1})


def test_a_line_that_never_ends_is_refused_while_it_grows() -> None:
    reader = SseReader()
    assert list(reader.feed(b"data: " + b"x" * (MAX_LINE_BYTES - 6))) == []
    with pytest.raises(MalformedLineError):
        next(reader.feed(b"x"))
