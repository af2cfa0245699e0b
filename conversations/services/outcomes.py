"""Writes: what becomes of a reply, while it is written and when it is over."""

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, connection

from conversations.claims import Support
from conversations.embedding import embed_soon
from conversations.models import Citation, Message, Source, Status, Trace
from conversations.pipeline import Outcome
from documents.masking import MASK, is_masked_form
from documents.models import Document, Page
from providers.visible_text import legible
from retrieval.types import Hit
from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.jobs.models import ReplyLease
from tenants.limits.usage import Spender, count_reply


def save_progress(*, message_id: UUID, text: str, outcome: Outcome, with_sources: bool) -> None:
    """Keep the text so far; the first time with the sources that the model was given."""
    Message.objects.filter(id=message_id, status__in=[Status.PENDING, Status.STREAMING]).update(
        status=Status.STREAMING,
        content=text,
        model=outcome.model,
        timings=outcome.timings,
        searched_for=outcome.searched_for,
    )
    if with_sources:
        _save_sources(message_id, outcome.hits)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a reply ended: its status, and the error if it broke."""

    status: Status
    error_code: str = ""
    error_detail: str = ""


def save_ending(
    *, access: Access, process_id: UUID, message_id: UUID, text: str, outcome: Outcome, ending: Ending
) -> bool:
    """Store a reply for good, and what `access`, who asked, used for it.

    False when it is no longer this process's: declared interrupted, or deleted.
    """
    try:
        return _save_ending(access, process_id, message_id, text, outcome, ending)
    except IntegrityError:
        # A document that is cited went at this very moment; the second time it is seen to be gone.
        return _save_ending(access, process_id, message_id, text, outcome, ending)


def _save_ending(  # noqa: PLR0917
    access: Access, process_id: UUID, message_id: UUID, text: str, outcome: Outcome, ending: Ending
) -> bool:
    with tenant_atomic(access.tenant_id):
        owned, _ = ReplyLease.objects.filter(message_id=message_id, process_id=process_id).delete()
        message = Message.objects.filter(id=message_id).first() if owned else None
        if message is None:
            return False
        message.content = text
        message.status = ending.status
        message.error_code, message.error_detail = ending.error_code, ending.error_detail
        message.finish_reason = {
            Status.FINISHED: outcome.finish_reason,
            Status.STOPPED: "stopped",
            Status.REFUSED: "refused",
        }.get(ending.status, "")
        message.model, message.usage, message.timings = outcome.model, outcome.usage, outcome.timings
        message.searched_for = outcome.searched_for
        message.based_on = list(dict.fromkeys([*message.based_on, *map(str, outcome.recalled)]))
        message.save()
        embed_soon(message.conversation_id)
        if ending.status is not Status.REFUSED:
            _save_sources(message_id, outcome.hits)
            _save_citations(message_id, outcome)
        if outcome.tracer.about:
            Trace.objects.create(message=message, about=outcome.tracer.as_json(outcome.timings))
        _count_use(access, message, outcome)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return True


def _count_use(access: Access, message: Message, outcome: Outcome) -> None:
    used = outcome.usage or outcome.estimated_usage()
    count_reply(
        Spender(access.user_id, access.token_id),
        asked_on=message.created_at.date(),
        model=outcome.model,
        prompt_tokens=used["prompt_tokens"],
        completion_tokens=used["completion_tokens"],
    )


def _save_sources(message_id: UUID, hits: list[Hit]) -> None:
    living = set(Document.objects.filter(id__in={hit.document for hit in hits}).values_list("id", flat=True))
    Source.objects.bulk_create(
        [
            Source(
                message_id=message_id,
                marker=marker,
                document_id=hit.document if hit.document in living else None,
                version=hit.version,
                name=hit.name,
                title=hit.title,
                page=hit.page,
                start=hit.start,
                end=hit.end,
                text=hit.text if hit.document in living else "",
                score=hit.score,
            )
            for marker, hit in enumerate(hits, start=1)
        ],
        ignore_conflicts=True,
    )


def _save_citations(message_id: UUID, outcome: Outcome) -> None:
    """Each quote is read again from the page it names: what does not stand there, masked perhaps, is none."""
    for support in outcome.supports:
        hit = outcome.hits[support.marker - 1]
        page = Page.objects.filter(
            version__document=hit.document, version__number=hit.version, number=hit.page
        ).first()
        quote = page and _as_it_stands(support, page)
        if not quote:
            continue
        Citation.objects.create(
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
