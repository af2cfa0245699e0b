"""The jobs that make messages searchable by meaning: cut, masked as documents are, and embedded in the background.

A conversation's job is put off a little with each turn, so that a lively one is looked at once; whatever is said
while it runs starts it anew. After a change of the embedding model, or of what is masked, one job does the same
for all conversations. Both look for what is missing in the index that answers now, until nothing is: nothing said
is lost whatever is switched meanwhile, and running one twice changes nothing. Until then messages are found by
their words.
"""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from pgvector import HalfVector

from conversations.models import Message, MessageChunk, MessageEmbedding, Status
from conversations.searching.vocabulary import gather_words
from documents.embedders import embed, get_or_create_index
from documents.idle_unloader import idle_unloader
from documents.masking import Masker, MaskingRules
from documents.models import EmbeddingIndex
from documents.selectors import find_active_index, masking_rules
from providers.errors import ProviderError
from providers.sentences import sentence_spans
from tenants.context import current_tenant_id
from tenants.db import tenant_atomic
from tenants.jobs import leases, outbox
from tenants.jobs.handlers import JobHandler, Queue, register_job
from tenants.jobs.leases import Lease, TurnOver

EMBED_CONVERSATION = "conversations.embed"
EMBED_ALL = "conversations.embed_all"

# A piece, in characters: what the built-in model reads at once.
_SIZE = 800
_MESSAGES, _BATCH = 16, 32
_TURN_SECONDS = 1.0
# While so many answers are written the processors are theirs, for a few minutes: words are searched meanwhile.
_MANY_REPLIES, _LONGEST_WAIT, _WAIT_SECONDS = 8, 300.0, 5.0
# What one pattern of an organisation's own may take for a message; where that is not enough all of it is hidden.
_PATTERN_SECONDS = 0.5
# The model server is not there now: however long that lasts, nothing is wrong with the messages.
_AWAY = frozenset({"model_unreachable", "model_timeout"})
_OVER = (Status.FINISHED, Status.STOPPED)


def register() -> None:
    """Called by `AppConfig.ready`."""
    register_job(EMBED_CONVERSATION, JobHandler(embed_conversation, _leave, queue=Queue.EMBED))
    register_job(EMBED_ALL, JobHandler(embed_all, _leave, queue=Queue.EMBED))


def embed_soon(conversation_id: UUID) -> None:
    """Have a conversation's new messages embedded when there is time for it, inside the caller's unit."""
    outbox.enqueue(EMBED_CONVERSATION, conversation_id, delay_seconds=settings.DOCENT_MESSAGE_EMBEDDING_DELAY)


def embed_anew(index: EmbeddingIndex) -> None:
    """Another index answers, or other things are masked. Registered with `on_index_changed`."""
    if Message.objects.exists():
        outbox.enqueue(EMBED_ALL, index.id)


def embed_conversation(conversation_id: UUID, lease: Lease) -> None:
    """Embed what a conversation's messages lack. What the model refuses is raised, and becomes a dead letter."""
    _run(lease, Q(conversation_id=conversation_id))


def embed_all(index_id: UUID, lease: Lease) -> None:
    """The same for every conversation of the organisation, whichever index answers by now."""
    _run(lease, Q())


def _leave(target_id: UUID, code: str, detail: str) -> None:
    """The messages are still found by their words, and the next one said starts a job anew."""


class _Piece(NamedTuple):
    """A piece to embed, as it was read."""

    id: UUID
    message_id: UUID
    text: str


def _run(lease: Lease, which: Q) -> None:
    began = time.monotonic()

    def step_back_if_others_wait() -> None:
        lease.check()
        if leases.gives_way(lease, replies=_MANY_REPLIES, seconds=_LONGEST_WAIT):
            raise TurnOver(delay_seconds=_WAIT_SECONDS)
        if time.monotonic() - began > _TURN_SECONDS and leases.others_wait(lease, own_too=True):
            raise TurnOver

    try:
        step_back_if_others_wait()
        with idle_unloader.working():
            for some in (_cut_some, _embed_some):
                while some(lease, which):
                    step_back_if_others_wait()
    except ProviderError as error:
        if error.code in _AWAY:
            raise TurnOver(delay_seconds=settings.DOCENT_JOB_LEASE_SECONDS) from error
        raise


def _cut_some(lease: Lease, which: Q) -> bool:
    """Make pieces of a few messages that have none, or were masked by other rules; whether there may be more."""
    with tenant_atomic(lease.tenant_id):
        rules = masking_rules()
        messages = list(_uncut(which, rules).order_by("created_at", "id")[:_MESSAGES])
    if not messages:
        return False
    masker = Masker(rules, seconds=_PATTERN_SECONDS)
    pieces = [piece for message in messages for piece in _pieces_of(message, masker)]
    conversations = {message.conversation_id for message in messages}
    with tenant_atomic(lease.tenant_id):
        _let_nobody_delete(conversations)
        alive = _hold({message.id for message in messages})
        MessageEmbedding.objects.filter(chunk__message__in=alive).delete()
        MessageChunk.objects.filter(message__in=alive).delete()
        MessageChunk.objects.bulk_create(piece for piece in pieces if piece.message_id in alive)
        gather_words(conversations)
    return len(messages) == _MESSAGES


def _let_nobody_delete(conversations: set[UUID]) -> None:
    """Before their messages are held, as whoever deletes does: their words refer to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM conversations_conversation WHERE tenant_id = %s AND id = ANY(%s) "
            "ORDER BY id FOR KEY SHARE",
            [current_tenant_id(), list(conversations)],
        )


def _hold(messages: set[UUID]) -> set[UUID]:
    """Those that are still there; none goes before the unit ends, for whoever deletes holds them first too."""
    held = Message.objects.filter(id__in=messages).order_by("id").select_for_update()
    return set(held.values_list("id", flat=True))


def _uncut(which: Q, rules: MaskingRules) -> QuerySet[Message]:
    cut = MessageChunk.objects.filter(message=OuterRef("id"), masked_by=rules.digest)
    listed = Q(conversation__unlisted_until=None)
    over = Message.objects.filter(which, listed, ~Exists(cut), status__in=_OVER)
    found: QuerySet[Message] = over.exclude(content="")
    return found


def _pieces_of(message: Message, masker: Masker) -> Iterator[MessageChunk]:
    shown = masker.hide(message.content)
    for number, (start, end) in enumerate(_spans(message.content)):
        yield MessageChunk(
            message=message,
            tenant_id=message.tenant_id,
            number=number,
            start=start,
            end=end,
            text=shown[start:end],
            masked_by=masker.rules.digest,
        )


def _spans(text: str) -> list[tuple[int, int]]:
    """Whole sentences, as many as fit a piece."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if spans and end - spans[-1][0] <= _SIZE:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans or [(0, len(text))]


def _embed_some(lease: Lease, which: Q) -> bool:
    """Give a few pieces their vectors in the index that answers now; whether more may lack one."""
    with tenant_atomic(lease.tenant_id):
        index = get_or_create_index()
        missing = _without_vector(index, which)
        pieces = [
            _Piece(*row)
            for row in missing.order_by("message_id", "number").values_list("id", "message_id", "text")[:_BATCH]
        ]
    if not pieces:
        return False
    vectors = embed(index, [piece.text for piece in pieces], purpose="passage")
    with tenant_atomic(lease.tenant_id):
        if find_active_index() != index:
            return True  # switched meanwhile, and it may be dropped soon
        _store(index, pieces, [HalfVector(vector) for vector in vectors])
    return len(pieces) == _BATCH


def _without_vector(index: EmbeddingIndex, which: Q) -> QuerySet[MessageChunk]:
    done = MessageEmbedding.objects.filter(index=index, chunk=OuterRef("id"))
    messages = Message.objects.filter(which)
    found: QuerySet[MessageChunk] = MessageChunk.objects.filter(~Exists(done), message__in=messages)
    return found


def _store(index: EmbeddingIndex, pieces: Sequence[_Piece], vectors: Sequence[HalfVector]) -> None:
    _hold({piece.message_id for piece in pieces})
    left = MessageChunk.objects.filter(id__in=[piece.id for piece in pieces])
    alive = set(left.values_list("id", flat=True))
    MessageEmbedding.objects.bulk_create(
        (
            MessageEmbedding(index=index, chunk_id=piece.id, embedding=vector)
            for piece, vector in zip(pieces, vectors, strict=True)
            if piece.id in alive
        ),
        # The other job was here first.
        ignore_conflicts=True,
    )
