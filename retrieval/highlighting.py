"""Where a passage has words of the question, for people to see."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db import connection

_WORD = re.compile(r"\w+")


class Piece(NamedTuple):
    """A stretch of a passage, and whether it is one of the question's words."""

    text: str
    is_marked: bool


def matched_words(question: str, texts: Iterable[str]) -> frozenset[str]:
    """The texts' words, as they are spelt, that search takes for the question's. Inside the caller's unit."""
    words = sorted({word for text in texts for word in _WORD.findall(text)})
    asked = " ".join(_WORD.findall(question))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM unnest(%s::text[]) AS word WHERE tsvector_to_array(to_tsvector('english', word))"
            " && tsvector_to_array(to_tsvector('english', %s))",
            [words, asked],
        )
        return frozenset(word for (word,) in cursor.fetchall())


def pieces(text: str, words: frozenset[str]) -> Iterator[Piece]:
    """All of the text, cut where marks begin and end."""
    place = 0
    for match in _WORD.finditer(text):
        if match[0] in words:
            if match.start() > place:
                yield Piece(text[place : match.start()], is_marked=False)
            yield Piece(match[0], is_marked=True)
            place = match.end()
    if place < len(text):
        yield Piece(text[place:], is_marked=False)
