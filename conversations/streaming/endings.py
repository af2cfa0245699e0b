"""How a reply ended, as its readers are told."""

from collections.abc import Iterable

from conversations.citing.sources import stored_citations
from conversations.events import Failed, Finished
from conversations.models import Citation, Message, Status
from tenants.access import Access


def told_at_the_end(access: Access, message: Message, citations: Iterable[Citation]) -> Finished | Failed:
    """The last event of a reply that is over, with its citations in their order, inside the caller's unit."""
    if message.status in {Status.FAILED, Status.INTERRUPTED}:
        return Failed(message.error_code, message.error_detail)
    return Finished(
        finish_reason=message.finish_reason,
        citations=stored_citations(access, citations),
        usage=message.usage,
        timings=message.timings,
        model=message.model,
    )
