"""Figures as people read them: their names, bars with intervals, and a chart of several runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retrieval.evaluation.measures import measures
from retrieval.models import EvaluationRun

_HITS = {
    "document_hit": gettext_lazy("Right document among the first {k}"),
    "page_hit": gettext_lazy("Right page among the first {k}"),
    "page_ndcg": gettext_lazy("Order of the right pages (nDCG, first {k})"),
}
_OTHERS = {
    "document_mrr": gettext_lazy("How early the right document comes (MRR)"),
    "page_mrr": gettext_lazy("How early the right page comes (MRR)"),
    "citation_precision": gettext_lazy("Citations that point at a right page"),
    "answers_citing_gold": gettext_lazy("Answers that cite a right page"),
    "refusal_accuracy": gettext_lazy("Answered or refused as it should be"),
}
# What a chart and a list show of a run: the first of each line that it has.
_CHIEF = (("page_hit@{k}", "document_hit@{k}"), ("page_mrr", "document_mrr"), ("refusal_accuracy",))
# A gate's form asks for these.
GATED = ("page_hit@10", "page_mrr", "answers_citing_gold", "refusal_accuracy")

# The chart, in its own units.
_LEFT, _RIGHT, _TOP, _BOTTOM, _WIDTH, _HEIGHT = 34, 12, 12, 24, 480, 220
MAX_POINTS = 20


def label(name: str) -> str:
    kind, _sign, depth = name.partition("@")
    if depth:
        return str(_HITS[kind]).format(k=depth)
    return str(_OTHERS[name])


def shown(value: float) -> str:
    return str(number_format(value, decimal_pos=2))


def _find_name(names: Sequence[str], run: EvaluationRun) -> str | None:
    """The first of these figures that the run has."""
    known = run.numbers.get("figures", {})
    return next((name for name in (one.format(k=run.k) for one in names) if name in known), None)


def chief_figures(run: EvaluationRun) -> list[tuple[str, str]]:
    """Name and value, for people, of the few that say most about a finished run."""
    names = [name for line in _CHIEF if (name := _find_name(line, run)) is not None]
    return [(label(name), shown(run.numbers["figures"][name]["value"])) for name in names]


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with its interval, drawn from 0 to 100 units."""

    label: str
    value: str
    low: str
    high: str
    n: int
    x: float
    x_low: float
    x_high: float


def bars(figures: Mapping[str, Mapping[str, Any]], k: int) -> list[Bar]:
    """In the order in which they are worked out, which the database does not keep."""
    ordered = [(name, figures[name]) for name in measures(k) if name in figures]
    return [
        Bar(
            label=label(name),
            value=shown(one["value"]),
            low=shown(one["low"]),
            high=shown(one["high"]),
            n=one["n"],
            x=round(one["value"] * 100, 1),
            x_low=round(one["low"] * 100, 1),
            x_high=round(one["high"] * 100, 1),
        )
        for name, one in ordered
    ]


@dataclass(frozen=True, slots=True)
class Point:
    """`words` say all of it; the rest are places in the chart's units."""

    words: str
    x: float
    y: float
    y_low: float
    y_high: float


@dataclass(frozen=True, slots=True)
class Series:
    label: str
    number: int
    points: tuple[Point, ...]

    @property
    def line(self) -> str:
        return " ".join(f"{one.x},{one.y}" for one in self.points)


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures of runs from the oldest to the newest."""

    series: tuple[Series, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT
    bottom: int = _HEIGHT - _BOTTOM


def chart_of(runs: Sequence[EvaluationRun]) -> Chart | None:
    """Of finished runs, oldest first; None for fewer than two, which show no course."""
    runs = runs[-MAX_POINTS:]
    if len(runs) < 2:  # noqa: PLR2004
        return None
    room = _WIDTH - _LEFT - _RIGHT
    step = (room - 24) / (len(runs) - 1)
    series = []
    for number, names in enumerate(_CHIEF, start=1):
        # Lines that lie over each other stay apart by a little.
        first = _LEFT + 12 + (number - 2) * 4
        named = [_find_name(names, run) for run in runs]
        points = [
            _point(run, name, round(first + place * step, 1))
            for place, (run, name) in enumerate(zip(runs, named, strict=True))
            if name is not None
        ]
        if points:
            series.append(Series(label(next(filter(None, reversed(named)))), number, tuple(points)))
    ticks = tuple((_y(value), str(number_format(value, decimal_pos=2))) for value in (0, 0.25, 0.5, 0.75, 1))
    return Chart(tuple(series), ticks)


def _point(run: EvaluationRun, name: str, x: float) -> Point:
    one = run.numbers["figures"][name]
    words = _("{label}: {value} ({low} to {high})").format(
        label=label(name), value=shown(one["value"]), low=shown(one["low"]), high=shown(one["high"])
    )
    return Point(words, x, _y(one["value"]), _y(one["low"]), _y(one["high"]))


def _y(value: float) -> float:
    return round(_TOP + (1 - value) * (_HEIGHT - _TOP - _BOTTOM), 1)
