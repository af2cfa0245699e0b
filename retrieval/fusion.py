"""From several scores to one order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from retrieval.candidates import Candidate

# Weights of the lexical score and of the match between question and document title, beside the
# cosine's 1. `bench/retrieval.py` prints what each of them is worth.
WORDS_WEIGHT = 0.25
TITLE_WEIGHT = 0.5
_GRAM = 4


def fuse(
    candidates: Sequence[Candidate], question: str, titles: Mapping[UUID, str]
) -> list[tuple[Candidate, float]]:
    """Candidates with their sum of z-scores, best first.

    Standard scores make lists of different scale addable; see Montague and Aslam, "Relevance score
    normalization for metasearch" (CIKM 2001).
    """
    if not candidates:
        return []
    matches = {document: title_match(question, title) for document, title in titles.items()}
    total = (
        _standard([one.cosine for one in candidates])
        + WORDS_WEIGHT * _standard([one.words for one in candidates])
        + TITLE_WEIGHT * _standard([matches[one.document] for one in candidates])
    )
    order = np.argsort(-total, kind="stable")
    return [(candidates[place], float(total[place])) for place in order]


def best_of_each_page(ranked: Iterable[tuple[Candidate, float]]) -> Iterator[tuple[Candidate, float]]:
    """One passage a page: neighbours on a page say much the same and crowd out other pages."""
    seen: set[tuple[UUID, int]] = set()
    for candidate, score in ranked:
        place = (candidate.document, candidate.page)
        if place not in seen:
            seen.add(place)
            yield candidate, score


def title_match(question: str, title: str) -> float:
    """Share, 0 to 1, of the title's letter 4-grams that occur in the question."""
    grams = _grams(title)
    return len(grams & _grams(question)) / len(grams) if grams else 0.0


def _grams(text: str) -> set[str]:
    letters = "".join(character for character in text.casefold() if character.isalpha())
    return {letters[place : place + _GRAM] for place in range(len(letters) - _GRAM + 1)}


def _standard(values: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    deviation = array.std()
    return (array - array.mean()) / deviation if deviation > 0 else np.zeros_like(array)
