"""Looking for something in all of one's own conversations: titles and messages, by words and by meaning.

In three steps, so that it takes as long for much that was said as for little: which conversations have the words,
or something near in meaning; which of their messages fit; and which of these their author may still read. What was
said a moment ago has not been cut into pieces yet, so the latest conversations are always looked at. Of an
archived conversation only the title is looked at.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from conversations.models import Status
from conversations.searching.recall import MIN_COSINE
from conversations.selectors.sight import hidden_in
from retrieval.types import QuestionVector
from tenants.access import Access
from tenants.permissions import Action

MAX_FOUND = 200
# Conversations whose messages are looked at: the best by their words, and the latest.
_BEST, _LATEST = 40, 10
_NEAREST = 50
# What all the words together, and words in a title, are worth beside nearness, which is at most 1.
_ALL_WORDS, _IN_TITLE = 0.25, 0.5
# Longer questions are cut: what fits them is found by the first words already.
_MOST_WORDS = 16
_BEGINS, _ENDS = "\x02", "\x03"

# Each word is looked for where the words lie, in their page: taking all of them out costs ten times as much. How
# rare a word is and which conversations are worth a look is said there too: of thousands Python would make objects
# only to forget them. Moments are numbers: making dates takes longer than to find them.
_OWN = """
    WITH own AS MATERIALIZED (
        SELECT c.id, extract(epoch FROM c.updated_at)::float8 AS at, c.archived_at IS NOT NULL AS is_archived,
               strpos(lower(c.title), lower(%(query)s)) > 0 AS in_title{has}
        FROM conversations_conversation c
        LEFT JOIN conversations_conversationwords w
          ON w.tenant_id = %(tenant)s AND w.author_id = %(author)s AND w.conversation_id = c.id
        WHERE c.tenant_id = %(tenant)s AND c.author_id = %(author)s AND c.unlisted_until IS NULL
    ), rarity AS (
        SELECT count(*) AS own{rarity} FROM own
    ), fitting AS (
        SELECT id, at, {score} AS score FROM own, rarity
    ), looked_at AS (
        (SELECT id FROM fitting WHERE score > 0 ORDER BY score DESC, at DESC, id LIMIT %(best)s)
        UNION (SELECT id FROM own ORDER BY at DESC, id LIMIT %(latest)s)
        UNION SELECT unnest(%(near)s::uuid[])
    ), titled AS (
        SELECT id FROM own WHERE in_title ORDER BY at DESC, id LIMIT %(most)s
    )
    SELECT id, at, in_title, NOT is_archived AND id IN (SELECT id FROM looked_at) FROM own
    WHERE id IN (SELECT id FROM looked_at UNION SELECT id FROM titled)
"""
_HAS = ", coalesce(w.words @@ %({name})s::tsquery, false) AS {name}"
# Rare is what few of one's own conversations have.
_RARITY = ", coalesce(ln(1 + count(*) / nullif(count(*) FILTER (WHERE {name}), 0)::float8), 0) AS rare_{name}"
_SCORE = "CASE WHEN {name} THEN rare_{name} ELSE 0 END"
_NEAR = """
    SELECT m.conversation_id
    FROM conversations_conversation c
    JOIN conversations_message m ON m.tenant_id = %(tenant)s AND m.conversation_id = c.id
    JOIN conversations_messagechunk p ON p.tenant_id = %(tenant)s AND p.message_id = m.id
    JOIN conversations_messageembedding e
      ON e.tenant_id = %(tenant)s AND e.index_id = %(index)s AND e.chunk_id = p.id
    WHERE c.tenant_id = %(tenant)s AND c.author_id = %(author)s AND c.archived_at IS NULL
    ORDER BY e.embedding <=> %(vector)s::halfvec LIMIT %(nearest)s
"""
# Piece by piece behind their indexes: what joins them, the planner would have to guess.
_MESSAGES = """
    WITH asked AS (
        SELECT plainto_tsquery('english', %(query)s) AS every, nullif(%(any)s, '')::tsquery AS any
    ), own AS MATERIALIZED (
        SELECT id, conversation_id, content FROM conversations_message
        WHERE tenant_id = %(tenant)s AND conversation_id = ANY(%(conversations)s) AND content <> ''
          AND status = ANY(%(statuses)s)
    ), pieces AS (
        SELECT own.id, own.conversation_id, {similarity} AS cosine, coalesce(p.start, 0) AS start,
               coalesce(p.words, to_tsvector('english', own.content)) AS words
        FROM own LEFT JOIN LATERAL (
            SELECT id, start, words FROM conversations_messagechunk
            WHERE tenant_id = %(tenant)s AND message_id = own.id OFFSET 0
        ) p ON true
    )
    SELECT id, conversation_id, start, coalesce(cosine, 0), coalesce(words @@ every, false),
           coalesce(ts_rank(words, "any", 1), 0)
    FROM pieces, asked WHERE coalesce(words @@ "any", false) OR cosine >= %(least)s
"""
_SIMILARITY = """(
    SELECT 1 - (embedding <=> %(vector)s::halfvec) FROM conversations_messageembedding
    WHERE tenant_id = %(tenant)s AND index_id = %(index)s AND chunk_id = p.id
)"""


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation, and the piece of it that fits best; without a message it is the title that fits."""

    conversation: UUID
    message: UUID | None = None
    start: int = 0


@dataclass(slots=True)
class _Candidate:
    updated_at: float
    in_title: bool
    is_looked_at: bool
    best: tuple[float, UUID, int] | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for: its words as tsquery takes them, the last one as the beginning of a word."""

    query: str
    words: list[str] = field(default_factory=list)

    @property
    def any(self) -> str:
        return " | ".join(self.words)


def find_conversations(access: Access, query: str, vector: QuestionVector | None) -> list[Found]:
    """One's own conversations that fit, best first; inside the caller's unit."""
    access.require(Action.CHAT)
    wanted = _Wanted(query, _words_of(query))
    own = _own(access, wanted, near=_by_meaning(access, vector))
    rows = _messages(access, wanted, vector, [one for one, row in own.items() if row.is_looked_at])
    hidden = hidden_in(access, {conversation for _, conversation, *_ in rows})
    for message, conversation, start, cosine, has_all, rank in rows:
        if message in hidden:
            continue
        score = max(cosine, 0.0) + _ALL_WORDS * has_all + rank
        candidate = own[conversation]
        candidate.best = max(candidate.best or (0.0, message, start), (score, message, start))
    fitting = {one: row for one, row in own.items() if row.in_title or row.best is not None}
    ranked = sorted(fitting, key=lambda one: (_score(fitting[one]), fitting[one].updated_at, one), reverse=True)
    return [_found(one, fitting[one]) for one in ranked[:MAX_FOUND]]


def _score(row: _Candidate) -> float:
    return _IN_TITLE * row.in_title + (row.best[0] if row.best else 0.0)


def _found(conversation: UUID, row: _Candidate) -> Found:
    return Found(conversation, row.best[1], row.best[2]) if row.best else Found(conversation)


def _words_of(query: str) -> list[str]:
    """The query's words as the messages' are kept; the last one may have been typed half."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_literal(lexeme), positions FROM unnest(to_tsvector('english', %s))", [query[:1000]]
        )
        rows = sorted(cursor.fetchall(), key=lambda row: row[1][0])[:_MOST_WORDS]
    words = [word for word, _ in rows]
    return [*words[:-1], f"{words[-1]}:*"] if words else []


def _own(access: Access, wanted: _Wanted, *, near: Collection[UUID]) -> dict[UUID, _Candidate]:
    """Those worth a look: with the rarest of the words, the latest, the near ones, and where the title fits."""
    words = {f"word_{number}": word for number, word in enumerate(wanted.words)}
    values: dict[str, Any] = {
        "tenant": access.tenant_id,
        "author": access.user_id,
        "query": wanted.query,
        "near": list(near),
        "best": _BEST,
        "latest": _LATEST,
        "most": MAX_FOUND,
    }
    sql = _OWN.format(
        has="".join(_HAS.format(name=name) for name in words),
        rarity="".join(_RARITY.format(name=name) for name in words),
        score=" + ".join(_SCORE.format(name=name) for name in words) or "0",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values | words)
        return {one: _Candidate(*row) for one, *row in cursor.fetchall()}


def _by_meaning(access: Access, vector: QuestionVector | None) -> set[UUID]:
    if vector is None:
        return set()
    values = {"tenant": access.tenant_id, "author": access.user_id, "nearest": _NEAREST, **_of(vector)}
    with connection.cursor() as cursor:
        cursor.execute(_NEAR, values)
        return {conversation for (conversation,) in cursor.fetchall()}


def _of(vector: QuestionVector) -> dict[str, Any]:
    return {"vector": str(vector.values.tolist()), "index": vector.index}


def _messages(
    access: Access, wanted: _Wanted, vector: QuestionVector | None, conversations: Collection[UUID]
) -> list[tuple[UUID, UUID, int, float, bool, float]]:
    """Pieces that fit: message, conversation, beginning, nearness, whether all words are there, and their rank."""
    values: dict[str, Any] = {
        "tenant": access.tenant_id,
        "query": wanted.query,
        "any": wanted.any,
        "conversations": list(conversations),
        "statuses": [Status.FINISHED, Status.STOPPED],
        "least": MIN_COSINE,
    }
    similarity = "NULL::float8"
    if vector is not None:
        similarity = _SIMILARITY
        values |= _of(vector)
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES.format(similarity=similarity), values)
        found: list[tuple[UUID, UUID, int, float, bool, float]] = cursor.fetchall()
        return found


_EXCERPTS = """
    SELECT ts_headline('english', translate(w.text, %(signs)s, ''), %(any)s::tsquery, %(options)s)
    FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS w (text, place) ORDER BY place
"""
_EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some words of a text; `marks` are the code points [start, end) of those that were looked for."""

    text: str
    marks: tuple[tuple[int, int], ...]


def excerpts(query: str, texts: Sequence[str]) -> list[Excerpt]:
    """The part of each text that has the words of the query; its beginning where it has none."""
    wanted = _Wanted(query, _words_of(query)).any
    if not wanted or not texts:
        return [Excerpt(text.strip()[:_EXCERPT], ()) for text in texts]
    options = f'StartSel="{_BEGINS}", StopSel="{_ENDS}", MaxWords=32, MinWords=16, ShortWord=0, MaxFragments=0'
    values: dict[str, Any] = {"signs": _BEGINS + _ENDS, "any": wanted, "options": options, "texts": list(texts)}
    with connection.cursor() as cursor:
        cursor.execute(_EXCERPTS, values)
        return [_marked(text) for (text,) in cursor.fetchall()]


def _marked(headline: str) -> Excerpt:
    parts: list[str] = []
    marks: list[tuple[int, int]] = []
    length = begin = 0
    for piece in _pieces(headline.strip()):
        if piece == _BEGINS:
            begin = length
        elif piece == _ENDS:
            marks.append((begin, length))
        else:
            parts.append(piece)
            length += len(piece)
    return Excerpt("".join(parts), tuple(marks))


def _pieces(text: str) -> Iterable[str]:
    """The text with the two signs apart."""
    for sign in (_BEGINS, _ENDS):
        text = text.replace(sign, f"\0{sign}\0")
    return text.split("\0")
