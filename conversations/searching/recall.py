"""Looking for something in what was said: by meaning and by words, in a person's own conversations alone.

Answers that rest on documents out of sight are not found; see `conversations.selectors.memory`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db import connection

from conversations.models import Message, Role, Status
from conversations.selectors.branches import path_ids
from conversations.selectors.memory import as_told, hidden_answers
from providers.chat.base import ChatMessage
from retrieval.types import QuestionVector
from tenants.access import Access
from tenants.permissions import Action

MAX_FOUND = 50
# Below this a message is about something else.
MIN_COSINE = 0.3
# A message that has all the words looked for is worth this much more.
_ALL_WORDS = 0.25
_TOPIC_PAIRS, _SUMMARY_PAIRS = 3, 6
_SHORTEST_WORD = 4

_SUMMARY = re.compile(
    r"\b(?:summari[sz]e|recap|sum\s+up|summary\s+of|overview\s+of)\s+(?:of\s+)?(?:all\s+(?:of\s+)?)?(?:"
    r"(?:our|this|the)\s+(?:whole\s+|entire\s+)?(?:conversation|chat)\b|our\s+(?:discussion|exchange|talk)\b"
    r"|what\s+(?:we|you)(?:\s+have|[’']ve)?\s+(?:said|discussed|talked\s+about)\b)"
    r"|^\W*what\s+(?:have|did)\s+we\s+(?:discuss|talk)(?:ed)?(?:\s+about)?"
    r"(?:\s+(?:so far|until now|today|earlier|before))?\W*$",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"\b(?:what|when|where|how|which)\b[^?]*\b(?:did|have|had)\s+you\s+(?:just\s+|already\s+|previously\s+)?"
    r"(?:say|said|tell|told|answer|answered|mention|mentioned|write|written)\b(?:\s+me|\s+us)?(?P<what>.*)$"
    r"|\bwhat\b[^?]*\b(?:did|have)\s+(?:i|we)\s+(?:already\s+)?ask(?:ed)?"
    r"(?=\s+(?:you|about|before|earlier|so far|first|just now)\b|\W*$)(?:\s+you)?(?P<asked>.*)$"
    r"|\bremind\s+me\s+(?:of\s+)?what\s+you\s+(?:said|told\s+me|answered)(?P<again>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_WHEN = re.compile(
    r"\b(?:about|first|on|regarding|concerning|earlier|before|previously|just now|so far|above|again"
    r"|in this conversation|at the (?:beginning|start))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Recall:
    """A wish to hear what was said, about `topic`, or "" for all of it."""

    topic: str


def wanted_recall(question: str) -> Recall | None:
    """Whether the question is about the conversation itself."""
    if _SUMMARY.search(question):
        return Recall("")
    said = _SAID.search(question)
    if said is None:
        return None
    topic = next((one for one in said.groups() if one is not None), "")
    return Recall(" ".join(_WHEN.sub(" ", topic).split()).strip(" ?!."))


def recall(
    access: Access, *, reply_id: UUID, conversation_id: UUID, wanted: Recall, vector: QuestionVector | None
) -> list[tuple[Message, Message]]:
    """Questions with their answers, oldest first, that are what was said; inside the caller's unit."""
    told = [Status.FINISHED, Status.STOPPED]
    # Another branch was not said on the way here.
    answers = Message.objects.filter(id__in=path_ids(reply_id), role=Role.ASSISTANT, status__in=told)
    answers = answers.exclude(id__in=hidden_answers(access, conversation_id))
    if wanted.topic:
        found = search_messages(access, wanted.topic, vector, conversation_id=conversation_id)
        rank = {message: place for place, message in enumerate(found)}
        pairs = [(one.id, one.parent_id) for one in answers]
        best = sorted(
            (min(rank.get(one, MAX_FOUND), rank.get(asked, MAX_FOUND)), one)
            for one, asked in pairs
            if asked is not None
        )
        answers = answers.filter(id__in=[one for place, one in best if place < MAX_FOUND][:_TOPIC_PAIRS])
    latest = list(answers.select_related("parent").order_by("-created_at", "-id")[:_SUMMARY_PAIRS])
    return [(answer.parent, answer) for answer in reversed(latest) if answer.parent is not None]


def told(pairs: Sequence[tuple[Message, Message]]) -> tuple[ChatMessage, ...]:
    """The pairs as a model reads them."""
    return tuple(as_told(turn) for pair in pairs for turn in pair)


def told_before(history: Sequence[ChatMessage], wanted: Recall) -> tuple[ChatMessage, ...]:
    """The same of what is stored nowhere and was brought with the question: found by its words alone."""
    pairs = [(one, next_) for one, next_ in pairwise(history) if (one.role, next_.role) == ("user", "assistant")]
    if wanted.topic:
        topic = _words(wanted.topic)
        shared = {place: len(topic & _words(f"{q.content} {a.content}")) for place, (q, a) in enumerate(pairs)}
        best = sorted(shared, key=lambda place: shared[place], reverse=True)[:_TOPIC_PAIRS]
        pairs = [pairs[place] for place in sorted(best) if shared[place]]
    return tuple(turn for pair in pairs[-_SUMMARY_PAIRS:] for turn in pair)


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) >= _SHORTEST_WORD}


def search_messages(
    access: Access, query: str, vector: QuestionVector | None, *, conversation_id: UUID | None = None
) -> list[UUID]:
    """The messages of a conversation, or of all of one's own, that fit, best first; inside the caller's unit.

    What has not been embedded yet, and everything where there is no vector, is found by its words.
    """
    access.require(Action.CHAT)
    which = "c.unlisted_until IS NULL" if conversation_id is None else "c.id = %(conversation)s"
    place = f"c.author_id = %(author)s AND {which}"
    similarity = "NULL::float8" if vector is None else _SIMILARITY
    values: dict[str, Any] = {
        "tenant": access.tenant_id,
        "author": access.user_id,
        "conversation": conversation_id,
        "query": query,
        "statuses": [Status.FINISHED, Status.STOPPED],
    }
    if vector is not None:
        values |= {"vector": str(vector.values.tolist()), "index": vector.index}
    with connection.cursor() as cursor:
        cursor.execute(_SEARCH.format(similarity=similarity, place=place), values)
        found = cursor.fetchall()
    best = sorted(
        (
            (-(cosine + _ALL_WORDS * has_all + words), message, conversation)
            for message, conversation, cosine, has_all, words in found
            if cosine >= MIN_COSINE or has_all or (vector is None and words > 0)
        )
    )
    hidden = {one: hidden_answers(access, one) for one in {conversation for *_, conversation in best}}
    seen = [message for _, message, conversation in best if message not in hidden[conversation]]
    return seen[:MAX_FOUND]


# Piece by piece behind their indexes: what joins them, the planner would have to guess.
_SEARCH = """
    WITH asked AS (
        SELECT plainto_tsquery('english', %(query)s) AS every, (
            SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery
            FROM unnest(to_tsvector('english', %(query)s))
        ) AS any
    ), own AS MATERIALIZED (
        SELECT m.id, m.conversation_id, m.content FROM conversations_message m
        JOIN conversations_conversation c ON c.id = m.conversation_id
        WHERE c.tenant_id = %(tenant)s AND {place} AND m.status = ANY(%(statuses)s) AND m.content <> ''
    ), pieces AS (
        SELECT own.id, own.conversation_id, {similarity} AS cosine,
               coalesce(p.words, to_tsvector('english', own.content)) AS words
        FROM own LEFT JOIN LATERAL (
            SELECT id, words FROM conversations_messagechunk
            WHERE tenant_id = %(tenant)s AND message_id = own.id OFFSET 0
        ) p ON true
    )
    SELECT id, conversation_id, max(coalesce(cosine, 0)),
           coalesce(bool_or(numnode(every) > 0 AND words @@ every), false),
           max(coalesce(ts_rank(words, "any", 1), 0))
    FROM pieces, asked GROUP BY id, conversation_id
"""
_SIMILARITY = """(
    SELECT 1 - (embedding <=> %(vector)s::halfvec) FROM conversations_messageembedding
    WHERE tenant_id = %(tenant)s AND index_id = %(index)s AND chunk_id = p.id
)"""
