"""How much of a question's words the page of a passage has."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import numpy as np

# BM25's two constants: how soon a repeated word stops counting, and how much long pages are held back.
_SATURATION = 0.8
_LENGTH = 0.5


class Worded(Protocol):
    """A passage: where it stands, how many different words it has, and how often each word of the question."""

    @property
    def document(self) -> UUID: ...
    @property
    def page(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...


def coverage(passages: Sequence[Worded], words: Sequence[str]) -> list[float]:
    """For each passage how much of `words` its page says, 0 to about 1.

    BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) of the page, as far as its
    passages are among those given, over what a page with every word often would get. A word's rarity is its rarity
    among these passages: what all that is near in meaning says anyway tells nothing apart, and no statistics of a
    whole tenant need be kept, or could tell of anything that the person may not see.
    """
    wanted = list(dict.fromkeys(words))
    if not passages or not wanted:
        return [0.0] * len(passages)
    pages = {place: number for number, place in enumerate(dict.fromkeys(map(_place, passages)))}
    rows = np.array([pages[_place(one)] for one in passages])
    counts, lengths = np.zeros((len(pages), len(wanted))), np.zeros(len(pages))
    np.add.at(counts, rows, [[one.counts.get(word, 0) for word in wanted] for one in passages])
    np.add.at(lengths, rows, [one.length for one in passages])
    having = (counts[rows] > 0).sum(axis=0)
    rarity = np.log(1 + (len(passages) - having + 0.5) / (having + 0.5))
    usual = lengths[rows].mean() or 1.0
    held_back = _SATURATION * (1 - _LENGTH + _LENGTH * lengths / usual)
    said = counts / (counts + held_back[:, None])
    shares: list[float] = ((said @ rarity) / rarity.sum())[rows].tolist()
    return shares


def _place(passage: Worded) -> tuple[UUID, int]:
    return passage.document, passage.page
