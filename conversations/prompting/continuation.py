"""Going on with an answer that was cut: the model reads what it has written, and writes on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from conversations.models import Message, Source
from conversations.prompting.budget import count_tokens, tokens_of
from documents.masking import Masker
from documents.selectors import hidden_titles, masking_rules
from providers.chat.base import ChatMessage
from retrieval.citations.folded_text import is_unspaced
from retrieval.types import Hit
from tenants.errors import Conflict

GO_ON = """\
Your answer above was cut off. Go on with it exactly where it stops, under the same rules. Do not repeat anything
of it, do not begin anew and do not speak of the interruption. If nothing is missing, say nothing."""

# What one pattern of an organisation's own may take for a text; where that is not enough all of it is hidden.
_PATTERN_SECONDS = 0.1
_FEWEST_TOKENS = 100
_BEFORE_A_WORD = ".,;:!?)]»”"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An answer so far: its text, and as `told` to the model, the passages that it was given, and their titles.

    Without text, whatever was found for it is forgotten: it is written from the beginning.
    """

    text: str
    told: str = ""
    hits: tuple[Hit, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    searched_for: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)


def begun_answer(message: Message) -> Begun:
    """What a stored answer has so far, inside the caller's unit; all that it rests on is in sight.

    What is masked today the model is told masked, though it was told it before.
    """
    masker = Masker(masking_rules(), seconds=_PATTERN_SECONDS)
    rows = Source.objects.filter(message=message).order_by("marker")
    hits = tuple(_hit_of(row, masker) for row in rows)
    return Begun(
        text=message.content,
        told=masker.hide(message.content),
        hits=hits,
        titles=hidden_titles(hit.title for hit in hits),
        searched_for=message.searched_for,
        timings=message.timings,
    )


def _hit_of(row: Source, masker: Masker) -> Hit:
    if row.document_id is None:
        raise sources_gone()
    return Hit(
        document=row.document_id,
        name=row.name,
        title=row.title,
        version=row.version,
        page=row.page,
        text=masker.hide(row.text),
        score=row.score,
        start=row.start,
        end=row.end,
        cosine=0.0,
    )


def tail(text: str, *, tokens: int) -> str:
    """The end of a text that has room in `tokens`, in whole words: enough to go on from."""
    if count_tokens(text) <= tokens:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if count_tokens(text[-middle:]) < tokens else (fits, middle)
    end = text[len(text) - fits :]
    return "…" + (end.partition(" ")[2] or end)


def sources_gone() -> Conflict:
    """The refusal where a document that the answer rests on is out of its author's sight, or deleted."""
    return Conflict(
        "This answer rests on documents that are no longer available to you. Ask again instead.",
        code="sources_gone",
    )


def gone_on(text: str, *, tokens: int) -> tuple[ChatMessage, ...]:
    """What follows a prompt where the model is to go on: of what it has written the end, and the wish."""
    wish = ChatMessage(role="user", content=GO_ON)
    room = max(tokens - tokens_of((wish,)), _FEWEST_TOKENS)
    return ChatMessage(role="assistant", content=tail(text, tokens=room)), wish


def joint(before: str, after: str) -> str:
    """A space where two words would run into one: models begin a turn without one."""
    if not before or not after or not after[0].isalnum() or is_unspaced(after[0]) or is_unspaced(before[-1]):
        return ""
    return " " if before[-1].isalnum() or before[-1] in _BEFORE_A_WORD else ""
