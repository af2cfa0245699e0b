"""What became of one question: where the right places stand among the hits, and whether it was answered."""

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from retrieval.evaluation.cases import Case
from retrieval.registry import Answered
from retrieval.types import Hit


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Ranks count hits from 1. No words of documents: these are read where they stand, by whoever may.

    `gold_pages` is how many pages are right, 0 where none is named; `page_ranks` where each is hit first.
    `is_refused` is None for a question that was not answered: nobody asked for it, or the model failed (`error`).
    """

    is_answerable: bool
    names_document: bool
    gold_pages: int
    document_rank: int | None
    page_ranks: tuple[int, ...]
    is_refused: bool | None = None
    cited: int = 0
    cited_gold: int = 0
    score: float | None = None
    error: str = ""
    model: str = ""
    search_seconds: float = 0.0
    seconds: float = 0.0
    # Passages found, best first, as {document, version, page, start, end, score}; and the cited ones.
    found: tuple[dict[str, Any], ...] = ()
    citations: tuple[dict[str, Any], ...] = ()

    @property
    def page_rank(self) -> int | None:
        return min(self.page_ranks, default=None)

    @property
    def is_right(self) -> bool | None:
        """Answered or refused as it should be; None where it was neither."""
        return None if self.is_refused is None else self.is_refused is not self.is_answerable

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


_NAMES = frozenset(one.name for one in fields(Row))
_SEQUENCES = ("page_ranks", "found", "citations")


def row_of_json(stored: dict[str, Any]) -> Row:
    """What `as_json` gave, also of a version that knew more fields or fewer."""
    known = {name: value for name, value in stored.items() if name in _NAMES}
    return Row(**known | {name: tuple(known.get(name, ())) for name in _SEQUENCES})


def judge_case(
    case: Case,
    hits: Sequence[Hit],
    answered: Answered | None,
    *,
    error: str = "",
    search_seconds: float = 0.0,
    seconds: float = 0.0,
) -> Row:
    """Hold what came against what is right."""
    gold = [(rank, hit) for rank, hit in enumerate(hits, start=1) if case.document and is_of(hit, case.document)]
    ranks: dict[int, int] = {}
    for rank, hit in gold:
        if hit.page in case.pages:
            ranks.setdefault(hit.page, rank)
    cited = answered.cited if answered else ()
    on_gold = [hit for hit in cited if is_of(hit, case.document) and hit.page in case.pages]
    return Row(
        is_answerable=case.is_answerable,
        names_document=bool(case.document),
        gold_pages=len(case.pages) if case.document else 0,
        document_rank=gold[0][0] if gold else None,
        page_ranks=tuple(sorted(ranks.values())),
        is_refused=answered.is_refused if answered else None,
        cited=len(cited),
        cited_gold=len(on_gold),
        score=answered.score if answered else None,
        error=error,
        model=answered.model if answered else "",
        search_seconds=round(search_seconds, 4),
        seconds=round(seconds, 4),
        found=tuple(map(_place, hits)),
        citations=tuple(map(_place, cited)),
    )


def is_of(hit: Hit, document: str) -> bool:
    """Whether a hit stands in the document that a question names, by its file's name or its id."""
    return document == str(hit.document) or folded(document) == folded(hit.name)


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _place(hit: Hit) -> dict[str, Any]:
    return {
        "document": str(hit.document),
        "version": hit.version,
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "score": round(hit.score, 4),
    }
