"""What became of questions, as a person may see it now: documents by name, those out of sight without."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from documents.links import passage_path
from documents.selectors import visible_documents
from retrieval.evaluation.rows import Row, folded, row_of_json
from retrieval.models import EvaluationResult, Question
from tenants.access import Access


@dataclass(frozen=True, slots=True)
class Place:
    """A passage that was found. `document` and `path` are None where it is gone or out of sight."""

    document: str | None
    name: str
    version: int
    page: int
    score: float
    path: str | None
    is_gold: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One question's result."""

    question: Question
    row: Row
    found: tuple[Place, ...]
    citations: tuple[Place, ...]


def shown_results(access: Access, results: Sequence[EvaluationResult]) -> list[Shown]:
    """In their order; one query beside those that gave them."""
    rows = [row_of_json(one.row) for one in results]
    named = {place["document"] for row in rows for place in (*row.found, *row.citations)}
    seen = visible_documents(access).filter(id__in=named).values_list("id", "name")
    names = {str(identity): name for identity, name in seen}
    return [
        Shown(
            question=result.question,
            row=row,
            found=tuple(_places(access, names, result.question, row.found)),
            citations=tuple(_places(access, names, result.question, row.citations)),
        )
        for result, row in zip(results, rows, strict=True)
    ]


def _places(
    access: Access, names: dict[str, str], question: Question, places: Iterable[dict[str, Any]]
) -> Iterable[Place]:
    for place in places:
        identity = place["document"]
        name = names.get(identity)
        where = (place["version"], place["page"], place["start"], place["end"])
        yield Place(
            document=identity if name is not None else None,
            name=name or "",
            version=place["version"],
            page=place["page"],
            score=place["score"],
            path=passage_path(access.tenant_slug, identity, *where) if name is not None else None,
            is_gold=name is not None and is_gold(question, identity, name, place["page"]),
        )


def is_gold(question: Question, document: str, name: str, page: int) -> bool:
    """Whether a question names this page, or, where it names none, this document."""
    is_document = question.document == document or folded(question.document) == folded(name)
    return is_document and (page in question.pages or not question.pages)
