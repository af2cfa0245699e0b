"""Asking the questions of a set: passages by a search, the answer by the pipeline that people's questions take."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import connections

from documents.models import EmbeddingIndex
from documents.selectors import visible_documents
from providers.errors import ProviderError
from retrieval.evaluation.cases import Case
from retrieval.evaluation.rows import Row, folded, judge_case
from retrieval.ranking.reranking import reranked
from retrieval.registry import Answered, on_answering
from retrieval.search import EVERYWHERE, embed_question, find_passages
from retrieval.sufficiency import Verdict, judge
from retrieval.types import Found, Mode, Scope
from tenants.access import Access
from tenants.db import tenant_atomic

# A model that cannot be reached answers none of the others either.
_AWAY = frozenset({"model_unreachable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to ask: in whose name, where, how many hits, of which index. Without an index nothing is found."""

    access: Access
    index: EmbeddingIndex | None
    scope: Scope = EVERYWHERE
    k: int = 10
    mode: Mode = Mode.HYBRID
    with_answers: bool = True


class Examiner:
    """Asks one question after the other. A context: what answering needs is kept until its end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    def examine(self, case: Case) -> Row:
        """What becomes of a question. Hold no connection. Raises ProviderError where none could be asked."""
        began = time.perf_counter()
        found = find_in(self._plan, case.text, top_k=self._plan.k)
        searched = time.perf_counter() - began
        answered, error = None, ""
        if self._plan.with_answers:
            try:
                answered = self._runner.run(self._answer(case.text))
            except ProviderError as failure:
                if failure.code in _AWAY:
                    raise
                error = failure.code
        spent = time.perf_counter() - began
        return judge_case(case, found.hits, answered, error=error, search_seconds=searched, seconds=spent)

    async def _answer(self, question: str) -> Answered:
        plan = self._plan
        index: UUID | None = plan.index.id if plan.index else None
        return await on_answering.answerer(plan.access, question, scope=plan.scope, index=index)


def find_in(plan: Plan, question: str, *, top_k: int) -> Found:
    """The passages, by meaning where the mode says so: words alone are no stand-in when it is measured."""
    if plan.index is None:
        return Found(question)
    vector = None if plan.mode is Mode.LEXICAL else embed_question(plan.index, question)
    # The connection that waited while the question was embedded may be gone.
    connections["default"].close_if_unusable_or_obsolete()
    with tenant_atomic(plan.access.tenant_id):
        found = find_passages(plan.access, question, vector, top_k=top_k, scope=plan.scope, mode=plan.mode)
    return reranked(question, found)


def verdict_of(plan: Plan, question: str) -> Verdict:
    """Whether the passages that an answer would be given are enough, and how sure that is."""
    return judge(find_in(plan, question, top_k=settings.DOCENT_PASSAGES))


def missing_documents(access: Access, cases: Iterable[Case]) -> list[str]:
    """Documents that questions name and that nobody has: a name misspelt makes every figure worse."""
    named = {case.document for case in cases if case.document}
    with tenant_atomic(access.tenant_id):
        known = {
            word
            for identity, name in visible_documents(access).values_list("id", "name")
            for word in (str(identity), folded(name))
        }
    return sorted(name for name in named if name not in known and folded(name) not in known)
