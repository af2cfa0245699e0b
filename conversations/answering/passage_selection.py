"""From the candidates of a search to the passages for the model: what the policy needs to know of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from conversations.answering.passage_policy import Cited, fit, rerank
from conversations.follow_ups import names_period
from conversations.models import Citation, Message, Role
from documents.models import Document
from retrieval.types import Hit
from tenants.database.prepared_queries import Prepared, any_of

_ANSWERS = 20


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a conversation prefers among passages that fit as well."""

    dates: dict[UUID, datetime]
    cited: list[Cited]


def preferences_of(conversation_id: UUID | None, question: str, hits: Sequence[Hit]) -> Preferences:
    """Those of a conversation that has begun, or of none; inside the caller's unit."""
    # Who names a period wants that one, not the latest.
    dates = {} if names_period(question) else _dates_of({hit.document for hit in hits})
    return Preferences(dates, [] if conversation_id is None else _cited_in(conversation_id))


def choose(hits: Sequence[Hit], preferences: Preferences, *, tokens: int) -> list[Hit]:
    """The passages for the model, best first, within `tokens`."""
    ranked = rerank(hits, dates=preferences.dates, cited=preferences.cited)
    return fit(ranked, wanted=settings.DOCENT_PASSAGES, tokens=tokens)


def _dates_of(documents: set[UUID]) -> dict[UUID, datetime]:
    """What the files say of themselves, else when they came."""
    rows = _dated.rows(documents=sorted(documents))
    return {document: dated_at or created_at for document, dated_at, created_at in rows}


def _cited_in(conversation_id: UUID) -> list[Cited]:
    """Places in the conversation's latest answers."""
    latest = [answer for (answer,) in _latest.rows(conversation=conversation_id)]
    return [Cited(*row) for row in _cited.rows(answers=latest)]


_dated = Prepared(
    lambda documents: Document.objects.filter(any_of("id", documents)).values_list("id", "dated_at", "created_at")
)
_latest = Prepared(
    lambda conversation: (
        Message.objects.filter(conversation=conversation, role=Role.ASSISTANT)
        .order_by("-created_at")
        .values_list("id")[:_ANSWERS]
    )
)
_cited = Prepared(
    lambda answers: Citation.objects.filter(any_of("message", answers), document__isnull=False).values_list(
        "document_id", "version", "start", "end"
    )
)
