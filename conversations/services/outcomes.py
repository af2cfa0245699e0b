"""Writes: what becomes of a reply, while it is written and when it is over."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, connection

from conversations.answering.metering import usage_of
from conversations.answering.pipeline import Outcome
from conversations.citing.claims import Support
from conversations.events import Failed, Finished
from conversations.models import (
    MAX_THOUGHTS,
    Citation,
    Message,
    MessageChunk,
    MessageEmbedding,
    Status,
    Thoughts,
    Trace,
)
from conversations.prompting.summary_jobs import summarise_soon
from conversations.searching.embedding import embed_soon
from conversations.services.leases import release_reply
from conversations.streaming.endings import told_at_the_end
from documents.masking import MASK, is_masked_form
from documents.models import Page
from providers.visible_text import legible
from retrieval.types import Hit
from tenants.access import Access
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import PreparedModels, insert
from tenants.db import tenant_atomic
from tenants.limits.usage import Spender, count_reply, count_tokens

# A row that somebody else holds is left for the next time: two that hold several wait for nobody.
_TEXTS = """
    WITH held AS MATERIALIZED (
        SELECT id FROM conversations_message
        WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s) AND status IN ('pending', 'streaming')
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE conversations_message message
    SET status = 'streaming', content = said.content, model = said.model, timings = said.timings::jsonb,
        searched_for = said.searched_for
    FROM held JOIN unnest(%(ids)s, %(contents)s::text[], %(models)s::text[], %(timings)s::text[],
                          %(searched_for)s::text[])
        AS said (id, content, model, timings, searched_for) USING (id)
    WHERE message.tenant_id = %(tenant)s AND message.id = held.id
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply that is being written, and its text so far."""

    message_id: UUID
    text: str
    outcome: Outcome


def save_progress(said: Said, *, with_sources: bool) -> None:
    """Keep the text so far; the first time with the sources that the model was given."""
    save_texts([said])
    if with_sources:
        _save_sources(said.message_id, said.outcome.hits)
    if said.outcome.recalled:
        _save_recalled(said.message_id, said.outcome.recalled)


def save_texts(given: Sequence[Said]) -> None:
    """Keep the texts so far, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TEXTS,
            {
                "tenant": current_tenant_id(),
                "ids": [one.message_id for one in given],
                "contents": [one.text for one in given],
                "models": [one.outcome.model for one in given],
                "timings": [json.dumps(one.outcome.timings) for one in given],
                "searched_for": [one.outcome.searched_for for one in given],
            },
        )


def _save_recalled(message_id: UUID, recalled: Sequence[UUID]) -> None:
    """An answer that is broken off rests on what it recalls, too."""
    for message in Message.objects.filter(id=message_id):
        message.based_on = _with(message.based_on, recalled)
        message.save(update_fields=["based_on"])


def _with(based_on: Sequence[str], recalled: Sequence[UUID]) -> list[str]:
    return list(dict.fromkeys([*based_on, *map(str, recalled)]))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a reply ended: its status, and the error if it broke."""

    status: Status
    error_code: str = ""
    error_detail: str = ""


def save_ending(
    *, access: Access, process_id: UUID, message_id: UUID, text: str, outcome: Outcome, ending: Ending
) -> Finished | Failed | None:
    """Store a reply for good, and what `access`, who asked, used for it; returns what its readers are told.

    None when it is no longer this process's: declared interrupted, or deleted.
    """
    try:
        return _save_ending(access, process_id, message_id, text, outcome, ending)
    except IntegrityError:
        # A document that is cited went at this very moment; the second time it is seen to be gone.
        return _save_ending(access, process_id, message_id, text, outcome, ending)


_CHANGED = (
    *("content", "status", "error_code", "error_detail", "finish_reason"),
    *("model", "timings", "usage", "searched_for", "based_on"),
)


def _save_ending(  # noqa: PLR0917
    access: Access, process_id: UUID, message_id: UUID, text: str, outcome: Outcome, ending: Ending
) -> Finished | Failed | None:
    citations: list[Citation] = []
    with tenant_atomic(access.tenant_id):
        message = _message.first(message=message_id) if release_reply(message_id, process_id) else None
        if message is None:
            return None
        message.content = text
        message.status = ending.status
        message.error_code, message.error_detail = ending.error_code, ending.error_detail
        message.finish_reason = {
            Status.FINISHED: outcome.finish_reason,
            Status.STOPPED: "stopped",
            Status.REFUSED: "refused",
        }.get(ending.status, "")
        message.model, message.timings = outcome.model, outcome.timings
        message.usage = usage_of(outcome, message.usage)
        message.searched_for = outcome.searched_for
        message.based_on = _with(message.based_on, outcome.recalled)
        message.save(update_fields=_CHANGED)
        if not outcome.is_unlisted:
            embed_soon(message.conversation_id)
            summarise_soon(message.conversation_id)
        if ending.status is not Status.REFUSED:
            if not outcome.has_kept_sources:
                _save_sources(message_id, outcome.hits)
            if outcome.begun is not None:
                forget_text(message_id)
            citations = _save_citations(message_id, outcome)
        if outcome.thinking.text and not outcome.is_unlisted:
            _save_thoughts(message, outcome.thinking.text)
        if outcome.tracer.about:
            insert(Trace(message=message, about=outcome.tracer.as_json(outcome.timings)))
        _count_use(access, message, outcome)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return told_at_the_end(access, message, citations)


_message = PreparedModels(Message, lambda message: Message.objects.filter(id=message))


def _save_thoughts(message: Message, text: str) -> None:
    """Of an answer that was gone on with, those of all its parts."""
    before = Thoughts.objects.filter(message=message).first()
    whole = f"{before.text}\n\n{text}" if before else text
    Thoughts.objects.update_or_create(message=message, defaults={"text": whole[:MAX_THOUGHTS]})


def forget_text(message_id: UUID) -> None:
    """What was made of an answer's text goes: it is made anew of the whole."""
    MessageEmbedding.objects.filter(chunk__message=message_id).delete()
    MessageChunk.objects.filter(message=message_id).delete()
    Citation.objects.filter(message=message_id).delete()


def _count_use(access: Access, message: Message, outcome: Outcome) -> None:
    used = outcome.usage or outcome.estimated_usage()
    spender = Spender(access.spender_id, access.token_id)
    if outcome.begun is not None:
        # Its question was counted when the first part was.
        count_tokens(spender, model=outcome.model, **used)
        return
    count_reply(
        spender,
        asked_on=message.created_at.date(),
        model=outcome.model,
        prompt_tokens=used["prompt_tokens"],
        completion_tokens=used["completion_tokens"],
    )


def _save_sources(message_id: UUID, hits: list[Hit]) -> None:
    """Without the words of those whose document has gone meanwhile."""
    given = [
        {
            "marker": marker,
            "document": str(hit.document),
            "version": hit.version,
            "name": hit.name,
            "title": hit.title,
            "page": hit.page,
            "start": hit.start,
            "end": hit.end,
            "text": hit.text,
            "score": hit.score,
        }
        for marker, hit in enumerate(hits, start=1)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _SOURCES, {"tenant": current_tenant_id(), "message": message_id, "given": json.dumps(given)}
        )


_SOURCES = """
    INSERT INTO conversations_source (
        id, tenant_id, message_id, marker, document_id, version, name, title, page, start, "end", text, score
    )
    SELECT gen_random_uuid(), %(tenant)s, %(message)s, given.marker, d.id, given.version, given.name, given.title,
           given.page, given.start, given."end", CASE WHEN d.id IS NULL THEN '' ELSE given.text END, given.score
    FROM json_to_recordset(%(given)s::json) AS given (
        marker int, document uuid, version int, name text, title text, page int, start int, "end" int, text text,
        score float
    )
    LEFT JOIN documents_document d ON d.tenant_id = %(tenant)s AND d.id = given.document
    ON CONFLICT DO NOTHING
"""


def _save_citations(message_id: UUID, outcome: Outcome) -> list[Citation]:
    """Each quote is read again from the page it names: what does not stand there, masked perhaps, is none."""
    citations = []
    for support in outcome.supports:
        hit = outcome.hits[support.marker - 1]
        page = Page.objects.filter(
            version__document=hit.document, version__number=hit.version, number=hit.page
        ).first()
        quote = page and _as_it_stands(support, page)
        if not quote:
            continue
        citations.append(
            Citation(
                message_id=message_id,
                marker=support.marker,
                document_id=hit.document,
                version=hit.version,
                name=hit.name,
                title=hit.title,
                page=hit.page,
                start=support.start,
                end=support.start + len(quote),
                quote=quote,
            )
        )
    Citation.objects.bulk_create(citations)
    return sorted(citations, key=lambda one: one.marker)


def _as_it_stands(support: Support, page: Page) -> str:
    """The quote letter by letter as the page has it, but for what is masked; empty if it is not there."""
    start, end = support.start - page.start, support.end - page.start
    searched = legible(page.text)
    if not 0 <= start < end or not is_masked_form(support.quote, searched[start:end]):
        return ""
    # The last word's signs that nobody sees stand behind it only in what is searched.
    while searched[end : end + 1] == " " and not page.text[end].isspace():
        end += 1
    signs = zip(support.quote.ljust(end - start), page.text[start:end], strict=True)
    return "".join(MASK if sign == MASK else own for sign, own in signs)
