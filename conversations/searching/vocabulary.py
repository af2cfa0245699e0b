"""The words of whole conversations: which of them are worth a look when something is looked for in all."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from tenants.context import current_tenant_id

# So that they fit what PostgreSQL takes for one text's words; no conversation of people comes near it.
_MOST_WORDS, _LONGEST = 12_000, 64

_GATHER = """
    INSERT INTO conversations_conversationwords (id, tenant_id, conversation_id, author_id, words)
    SELECT gen_random_uuid(), %(tenant)s, c.id, c.author_id,
           array_to_tsvector((array_agg(DISTINCT w.word))[:%(most)s])
    FROM conversations_conversation c
    JOIN conversations_message m ON m.tenant_id = %(tenant)s AND m.conversation_id = c.id
    JOIN conversations_messagechunk p ON p.tenant_id = %(tenant)s AND p.message_id = m.id
    CROSS JOIN LATERAL unnest(tsvector_to_array(p.words)) AS w (word)
    WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(conversations)s) AND octet_length(w.word) <= %(longest)s
    GROUP BY c.id
    ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET words = excluded.words
"""


def gather_words(conversations: Collection[UUID]) -> None:
    """Take down the words of the pieces that these conversations are cut into now, in place of those before."""
    with connection.cursor() as cursor:
        cursor.execute(
            _GATHER,
            {
                "tenant": current_tenant_id(),
                "conversations": sorted(conversations),
                "most": _MOST_WORDS,
                "longest": _LONGEST,
            },
        )
