"""How much of a document's title a question says: people ask for a document by its name, or a part of it."""

import re
from functools import lru_cache

_GRAM = 4
_ENDING = re.compile(r"\.[a-z]{2,5}$")
_RUN = re.compile(r"\d+|[^\W\d_]+")
# "FY19", "Q2 '19": two digits of a year.
_SHORT_YEAR = re.compile(r"(?:fy|cy|q[1-4])\s?['’]?(\d\d)\b")
# A number, or a name too short for letter groups, says as much as a few of them.
_WHOLE = 2


def title_match(question: str, title: str) -> float:
    """Share, 0 to 1, of the title's pieces that the question has: groups of four letters, numbers, short words.

    Letters are compared across the question's spaces, so that a name found in a file name in one word matches.
    """
    return TitleMatcher(question)(title)


class TitleMatcher:
    """`title_match` for many titles and one question."""

    def __init__(self, question: str) -> None:
        folded = question.casefold()
        letters = "".join(filter(str.isalpha, folded))
        self._grams = {letters[place : place + _GRAM] for place in range(len(letters) - _GRAM + 1)}
        self._words = set(_RUN.findall(folded)) | {f"20{year}" for year in _SHORT_YEAR.findall(folded)}

    def __call__(self, title: str) -> float:
        weights = _pieces(_ENDING.sub("", title.casefold()))
        total = sum(weights.values())
        said = sum(weight for piece, weight in weights.items() if piece in self._grams or piece in self._words)
        return said / total if total else 0.0


@lru_cache(maxsize=4096)  # the same titles are compared with every question
def _pieces(title: str) -> dict[str, int]:
    pieces: dict[str, int] = {}
    for run in _RUN.findall(title):
        if run[0].isdigit() or 1 < len(run) < _GRAM:
            pieces[run] = _WHOLE
        else:
            pieces |= {run[place : place + _GRAM]: 1 for place in range(len(run) - _GRAM + 1)}
    return pieces
