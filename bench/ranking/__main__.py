"""What each rule of ranking is worth, on a folder of documents and a file of questions:

    python -m bench.ranking [FOLDER QUESTIONS.jsonl]

Without arguments on the papers of an invented company in `bench/papers`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from bench.ranking.collection import Collection, Floats, read
from bench.ranking.rules import EVERY_PASSAGE, RULES, Rule

_BENCH = Path(__file__).parent.parent
_DEEPEST = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ranking")
    parser.add_argument("folder", nargs="?", type=Path, default=_BENCH / "papers")
    parser.add_argument("questions", nargs="?", type=Path, default=_BENCH / "questions" / "papers.jsonl")
    parser.add_argument("--size", type=int, default=1000, help="characters of a passage")
    parser.add_argument("--overlap", type=int, default=200)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docent-bench-") as scratch:
        Path(scratch).chmod(0o711)  # the database server may run under another account
        collection = read(wanted.folder, wanted.questions, Path(scratch), size=wanted.size, overlap=wanted.overlap)
    documents = {one.document for one in collection.passages}
    print(f"{len(documents)} documents, {len(collection.passages):,} passages, {len(collection.cases)} questions")
    print(f"{'':40} hit@1  hit@5  hit@10  MRR    beside the first, with the interval of 95 %")
    first: Floats | None = None
    for name, rule in RULES.items():
        reciprocals = _reciprocals(collection, rule, every=name == EVERY_PASSAGE)
        hits = [float((reciprocals >= 1 / depth).mean()) for depth in (1, 5, 10)]
        line = f"{name:40} {hits[0]:.2f}   {hits[1]:.2f}   {hits[2]:.2f}    {reciprocals.mean():.3f}"
        if first is None:
            first = reciprocals
        else:
            change = reciprocals - first
            low, high = _interval(change)
            line += f"  {change.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
        print(line, flush=True)


def _interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of the means of values drawn anew with replacement."""
    drawn = np.random.default_rng(5).integers(0, len(values), (2000, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _reciprocals(collection: Collection, rule: Rule, *, every: bool) -> Floats:
    """One over the rank of the first right page, 0 beyond the fiftieth, shape [cases].

    Each page counts once, or, with `every`, as often as it has passages.
    """
    cases = range(len(collection.cases))
    return np.array([_reciprocal(collection, case, rule(collection, case), every=every) for case in cases])


def _reciprocal(collection: Collection, case: int, scores: Floats, *, every: bool) -> float:
    seen: set[tuple[object, ...]] = set()
    for number in np.argsort(-scores, kind="stable"):
        passage = collection.passages[number]
        place = (passage.document, passage.page)
        if place in collection.cases[case].gold:
            return 1 / (len(seen) + 1)
        seen.add((*place, number) if every else place)
        if len(seen) == _DEEPEST:
            break
    return 0.0


main()
