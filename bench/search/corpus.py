"""Passages that nobody wrote: words and vectors as hard to search as real ones.

Words follow Zipf's law, with a vocabulary of the subject and a few words that hardly any other passage has. A
vector is the sum of its subject, its document and itself, along directions that matter less and less, as those of
real embedding models do. Subjects are shared by all organisations: their vectors lie among each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
DOCUMENT = 100
"""Passages in a document, the last one's excepted."""

_SUBJECTS = 3000
_WORDS = 130
_VOCABULARY = 60_000
_OWN_SHARE = 0.25  # of a passage's words, from its subject's vocabulary
_OWN_WORDS = 400
_CODES = 1  # rare words in a passage: figures, article numbers
# How much of a passage is its subject's, its document's and its own; and of a question, which is near a passage.
_SUBJECT, _PAPER, _SELF, _ASKED = 0.75, 0.45, 0.75, 0.7
_SCALE = (np.arange(1, DIMENSIONS + 1) ** -0.35).astype(np.float32)
_SYLLABLES = [
    first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u", "an", "er", "il")
]


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody's words and vector; it was made from the passage of this number."""

    text: str
    vector: NDArray[np.float32]


class Corpus:
    """One organisation's passages, the same each time for the same `seed`."""

    def __init__(self, seed: int, size: int) -> None:
        self.size = size
        self._dice = np.random.default_rng(seed)
        self._world = _world()
        # A larger organisation has more subjects.
        self._chosen = self._dice.choice(_SUBJECTS, size=min(_SUBJECTS, 3 + size // 100), replace=False)

    def document(self, count: int) -> tuple[list[str], NDArray[np.float32]]:
        """Texts and unit vectors of a document's passages, on a few of the subjects."""
        subjects = self._dice.choice(self._chosen, size=3)
        which = subjects[self._dice.integers(3, size=count)]
        vectors = _SUBJECT * self._world.subjects[which] + _PAPER * _drawn(self._dice, 1)
        return self._texts(which, count), _units(vectors + _SELF * _drawn(self._dice, count))

    def questions(self, texts: list[str], vectors: NDArray[np.float32]) -> list[Question]:
        """For each passage a question: some of its words, and a vector near it."""
        asked = _units(vectors + _ASKED * _drawn(self._dice, len(vectors)))
        words = [self._dice.choice(text.split(), size=9) for text in texts]
        return [Question(" ".join(some) + "?", vector) for some, vector in zip(words, asked, strict=True)]

    def _texts(self, subjects: NDArray[np.int64], count: int) -> list[str]:
        drawn = np.searchsorted(self._world.cumulative, self._dice.random((count, _WORDS)))
        own = self._world.own_words[subjects[:, None], self._dice.integers(_OWN_WORDS, size=(count, _WORDS))]
        numbers = np.where(self._dice.random((count, _WORDS)) < _OWN_SHARE, own, drawn)
        codes = self._dice.integers(1_000_000, size=(count, _CODES))
        return [
            " ".join([*map(self._world.words.__getitem__, row), *map("no{}".format, rare)]) + "."
            for row, rare in zip(numbers.tolist(), codes.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _World:
    """What all organisations share."""

    subjects: NDArray[np.float32]
    own_words: NDArray[np.int64]
    cumulative: NDArray[np.float64]
    words: list[str]


@cache
def _world() -> _World:
    dice = np.random.default_rng(0)
    ranks = np.arange(1, _VOCABULARY + 1) ** -1.05
    return _World(
        subjects=_drawn(dice, _SUBJECTS),
        own_words=dice.integers(_VOCABULARY, size=(_SUBJECTS, _OWN_WORDS)),
        cumulative=np.cumsum(ranks / ranks.sum()),
        words=_vocabulary(dice),
    )


def _vocabulary(dice: np.random.Generator) -> list[str]:
    """The commonest words are the shortest."""
    lengths = np.minimum(1 + np.arange(_VOCABULARY) // 60, 2) + dice.integers(1, 3, size=_VOCABULARY)
    picks = dice.integers(len(_SYLLABLES), size=(_VOCABULARY, 5))
    return ["".join(_SYLLABLES[one] for one in row[:length]) for row, length in zip(picks, lengths, strict=True)]


def _drawn(dice: np.random.Generator, count: int) -> NDArray[np.float32]:
    return _units(dice.standard_normal((count, DIMENSIONS), dtype=np.float32) * _SCALE)


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
