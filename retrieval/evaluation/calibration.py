"""The threshold of answer or refuse, chosen on questions: fewest errors, wrong refusals bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from retrieval.evaluation.measures import matrix


@dataclass(frozen=True, slots=True)
class Judged:
    """A question and how sure its verdict was."""

    is_answerable: bool
    score: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold and what it does to the questions; `auc` is the chance that an answerable one scores higher."""

    threshold: float
    before: dict[str, int]
    after: dict[str, int]
    auc: float


def calibrate(judged: Sequence[Judged], *, present: float, max_wrong_refusals: int | None) -> Calibration:
    """The threshold with the fewest errors; of several as good, the middle of the widest gap between scores.

    `max_wrong_refusals` bounds how many answerable questions it may refuse.
    """
    scores = sorted({one.score for one in judged})
    cuts = [0.0, *((low + high) / 2 for low, high in pairwise(scores)), scores[-1] + 1e-6]
    widths = [scores[0], *(high - low for low, high in pairwise(scores)), 0.0]

    def cost(place: int) -> tuple[bool, int, float]:
        found = at(judged, cuts[place])
        wrong = found["wrongly_refused"]
        is_too_many = max_wrong_refusals is not None and wrong > max_wrong_refusals
        return is_too_many, wrong + found["wrongly_answered"], -widths[place]

    threshold = cuts[min(range(len(cuts)), key=cost)]
    return Calibration(threshold, at(judged, present), at(judged, threshold), _auc(judged))


def at(judged: Sequence[Judged], threshold: float) -> dict[str, int]:
    """The confusion matrix of a threshold."""
    return matrix((one.is_answerable, one.score >= threshold) for one in judged)


def _auc(judged: Sequence[Judged]) -> float:
    good = [one.score for one in judged if one.is_answerable]
    bad = [one.score for one in judged if not one.is_answerable]
    wins = sum((one > other) + 0.5 * (one == other) for one in good for other in bad)
    return round(wins / (len(good) * len(bad)), 4) if good and bad else 0.0
