"""Which answers rest on something that whoever reads may not see today.

An answer rests on every passage that its model was given, cited or not, and on the earlier answers that were told
to the model, whole or in a summary; a document that is gone is out of everybody's sight.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.db import connection
from django.db.models import Q

from conversations.models import Message, Role, Source, Summary
from documents.sight import documents_within_sight
from tenants.access import Access
from tenants.context import current_tenant_id


def hidden_in(access: Access, conversations: Collection[UUID]) -> set[UUID]:
    """The answers and summaries of these conversations that rest on something out of sight.

    Two queries where there are none.
    """
    documents = _documents_given(conversations)
    seen = documents_within_sight(access, [one for one in documents if one is not None])
    if documents <= seen:
        return set()
    given = Source.objects.filter(message__conversation__in=conversations).order_by()
    unseen = given.filter(Q(document=None) | Q(document__in=documents - seen - {None}))
    told_by = dict(unseen.values_list("message", "message__conversation").distinct())
    answers = Message.objects.filter(conversation__in=set(told_by.values()), role=Role.ASSISTANT)
    summaries = Summary.objects.filter(conversation__in=set(told_by.values()))
    told = [row for one in (answers, summaries) for row in one.exclude(based_on=[]).values_list("id", "based_on")]
    return _with_what_rests_on(set(told_by), told)


def _documents_given(conversations: Collection[UUID]) -> set[UUID | None]:
    """What the answers were written from; None for what is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVEN, {"tenant": current_tenant_id(), "conversations": sorted(conversations)})
        return {document for (document,) in cursor.fetchall()}


# Message by message: of new tables the planner knows nothing, and would read all of the sources.
_GIVEN = """
    SELECT DISTINCT given.document_id
    FROM conversations_message message, LATERAL (
        SELECT document_id FROM conversations_source
        WHERE tenant_id = %(tenant)s AND message_id = message.id OFFSET 0
    ) given
    WHERE message.tenant_id = %(tenant)s AND message.conversation_id = ANY(%(conversations)s)
"""


def hidden_among(
    access: Access, messages: Sequence[Message], summaries: Sequence[Summary], given: Sequence[Source]
) -> set[UUID]:
    """The same of a conversation's rows that are at hand, which may be out of an archive."""
    seen = documents_within_sight(access, {one.document_id for one in given if one.document_id})
    hidden = {one.message_id for one in given if one.document_id not in seen}
    answers = [one for one in messages if one.role == Role.ASSISTANT]
    told = [(row.id, row.based_on) for some in (answers, summaries) for row in some]
    return _with_what_rests_on(hidden, told)


def _with_what_rests_on(hidden: set[UUID], told: Iterable[tuple[UUID, list[str]]]) -> set[UUID]:
    """And what rests on what rests on it, however far."""
    resting: dict[str, list[UUID]] = defaultdict(list)
    for one, based_on in told:
        for base in based_on:
            resting[base].append(one)
    found, unread = set(hidden), list(hidden)
    while unread:
        above = [one for one in resting[str(unread.pop())] if one not in found]
        found.update(above)
        unread += above
    return found
