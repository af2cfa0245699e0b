"""Answer or refuse: do the passages found say anything about the question?"""

import math
from dataclasses import dataclass

from retrieval.question_names import Subjects, look_for_subjects
from retrieval.types import Found

# A logistic model of "these passages answer it", fitted to questions with and without an answer; ADR 16 says which
# they are and how it does on others. Weights of the best passage's score, of the share of the question's names and
# of its years that no passage mentions, and the constant.
_SCORE, _NAMES, _YEARS, _CONSTANT = 2.0, -2.7, -3.3, -1.0
THRESHOLD = 0.4
"""What an index has that was not calibrated."""

# What the best passage's meaning is taken to add where meaning could not be compared.
_USUAL_COSINE = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score`, 0 to 1, says how likely the passages are to be enough; `reason` in words why there is no answer."""

    is_enough: bool
    reason: str = ""
    score: float = 0.0


def judge(found: Found, threshold: float | None = None) -> Verdict:
    """Whether to answer from what was found: with at least `threshold`, by default `THRESHOLD`."""
    if not found.hits:
        reason = "Nothing was found."
        if found.by_words_alone:
            reason = (
                "The embedding model cannot be used just now, so only words were compared, and none were found."
            )
        return Verdict(is_enough=False, reason=reason)
    subjects = look_for_subjects(
        found.question, [(f"{hit.title} {hit.name}", f"{hit.heading} {hit.text}") for hit in found.hits]
    )
    score = _score(found, subjects)
    if score >= (THRESHOLD if threshold is None else threshold):
        return Verdict(is_enough=True, score=score)
    return Verdict(is_enough=False, reason=_reason(subjects), score=score)


def _score(found: Found, subjects: Subjects) -> float:
    best = found.best + (_USUAL_COSINE if found.by_words_alone else 0.0)
    strength = (
        _SCORE * best
        + _NAMES * _share(subjects.missing_names, subjects.names)
        + _YEARS * _share(subjects.missing_years, subjects.years)
        + _CONSTANT
    )
    return 1 / (1 + math.exp(-strength))


def _share(missing: tuple[str, ...], asked: tuple[str, ...]) -> float:
    return len(missing) / len(asked) if asked else 0.0


def _reason(subjects: Subjects) -> str:
    missing = (*subjects.missing_names, *subjects.missing_years)
    if missing:
        return f"No passage mentions {' or '.join(f'“{one}”' for one in missing[:3])}."
    return "Nothing that was found is close enough to the question."
