"""Answers that nobody reads: what evaluations ask of the pipeline. Registered with `on_answering`."""

from contextlib import aclosing
from functools import partial
from uuid import UUID, uuid4

from conversations.answering.evidence import Question
from conversations.answering.pipeline import Outcome, answer, cite
from conversations.events import TextAdded
from conversations.models import Mode
from retrieval.registry import Answered
from retrieval.types import Scope
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.limits.usage import Spender, count_tokens


async def answer_for_evaluation(access: Access, question: str, *, scope: Scope, index: UUID | None) -> Answered:
    """The answer as a person would get it, from passages alone. What the model takes is the person's use."""
    outcome = Outcome()
    asked = Question(
        access=access,
        conversation_id=uuid4(),
        message_id=uuid4(),
        text=question,
        mode=Mode.GROUNDED,
        scope=scope,
        index=index,
    )
    async with aclosing(answer(asked, outcome)) as events:
        text = [event.text async for event in events if isinstance(event, TextAdded)]
    await cite(asked, "".join(text), outcome)
    used = outcome.usage or outcome.estimated_usage()
    spender = Spender(access.user_id, access.token_id)
    await run_in_tenant(access.tenant_id, partial(count_tokens, spender, model=outcome.model, **used))
    return Answered(
        is_refused=outcome.finish_reason == "refused",
        cited=tuple(outcome.hits[support.marker - 1] for support in outcome.supports),
        model=outcome.model,
        score=outcome.score,
    )
