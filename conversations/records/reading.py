"""From a record to rows, which the caller may show or store."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from conversations.citing.sources import as_seen
from conversations.models import Citation, Conversation, Feedback, Message, Source
from conversations.records.parts import columns, is_key, parts, persons
from conversations.records.writing import Row
from documents.masking import Masker
from documents.models import Chunk, Document, Page
from documents.selectors import masking_rules
from providers.visible_text import legible
from tenants.access import Access
from tenants.models import TenantModel

T = TypeVar("T", bound=TenantModel)
_PATTERN_SECONDS = 0.5
_SEEN = frozenset({"citations", "sources"})


@dataclass(frozen=True, slots=True)
class Whole:
    """The rows of a conversation, oldest message first, and what hangs on them by its name in the record."""

    messages: list[Message]
    parts: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def citations(self) -> list[Citation]:
        return self.parts.get("citations", [])

    @property
    def sources(self) -> list[Source]:
        return self.parts.get("sources", [])

    @property
    def feedback(self) -> list[Feedback]:
        return self.parts.get("feedbacks", [])


def whole_of(record: Row, conversation: Conversation) -> Whole:
    """The rows of a record as they were, unsaved, without what was deleted meanwhile; in the caller's unit."""
    whole = Whole([_instance(Message, one, conversation=conversation) for one in record["messages"]])
    for name, (model, key) in parts().items():
        whole.parts[name] = [
            _of_author(_instance(model, row, **{key: message}), conversation.author_id)
            for message, one in zip(whole.messages, record["messages"], strict=True)
            for row in one.get(name, ())
        ]
    _leave_out_deleted(whole)
    _fill_in(whole.sources, [row for one in record["messages"] for row in one.get("sources", ())])
    return whole


def _instance(model: type[T], row: Mapping[str, Any], **keys: Any) -> T:
    """A row with the values of the record; what the record does not say is as in a new row."""
    values = {
        one.attname if is_key(one) else one.name: one.to_python(row[one.name])
        for one in columns(model, apart_from=frozenset(keys))
        if one.name in row
    }
    return model(**values, **keys)


def _of_author(row: T, author_id: UUID) -> T:
    """A record names everybody but the conversation's author."""
    for who in persons(type(row)):
        if getattr(row, who) is None:
            setattr(row, who, author_id)
    return row


def _leave_out_deleted(whole: Whole) -> None:
    passages: list[Any] = [one for rows in whole.parts.values() for one in rows if hasattr(one, "document_id")]
    wanted = {one.document_id for one in passages if one.document_id}
    living = set(Document.objects.filter(id__in=wanted).values_list("id", flat=True))
    for one in passages:
        if one.document_id not in living:
            one.document_id = None
            for name in ("quote", "text"):
                if hasattr(one, name):
                    setattr(one, name, "")


def _fill_in(sources: Sequence[Source], rows: Sequence[Row]) -> None:
    """Give sources their words back as they stand in the document: those whose hash is known, no others."""
    digests = {one.id: row.get("text_sha256", "") for one, row in zip(sources, rows, strict=True)}
    wanted = [one for one in sources if one.document_id and digests[one.id]]
    words = _Words(wanted)
    for one in wanted:
        for text in words.readings(one):
            if hashlib.sha256(text.encode()).hexdigest() == digests[one.id]:
                one.text = text
                break


class _Words:
    """What may have stood at a source's place: the passage that is searched today, and the page's own words."""

    def __init__(self, sources: Sequence[Source]) -> None:
        passages = Chunk.objects.filter(
            document__in={one.document_id for one in sources}, start__in={one.start for one in sources}
        )
        self._passages = {
            place: text
            for *place_of, text in passages.values_list("document_id", "version__number", "start", "end", "text")
            for place in (tuple(place_of),)
        }
        self._pages: dict[tuple[UUID | None, int, int], tuple[int, str, str]] = {}
        self._masker = Masker(masking_rules(), seconds=_PATTERN_SECONDS)

    def readings(self, one: Source) -> Iterator[str]:
        passage = self._passages.get((one.document_id, one.version, one.start, one.end))
        if passage is not None:
            yield passage
        begin, plain, masked = self._page(one)
        for text in (plain, masked):
            yield text[max(0, one.start - begin) : max(0, one.end - begin)]

    def _page(self, one: Source) -> tuple[int, str, str]:
        place = (one.document_id, one.version, one.page)
        if place not in self._pages:
            pages = Page.objects.filter(version__document=one.document_id, version__number=one.version)
            found = pages.filter(number=one.page).first()
            text = legible(found.text) if found else ""
            self._pages[place] = (found.start if found else 0, text, self._masker.hide(text))
        return self._pages[place]


def sight_of(access: Access, record: Row) -> Row:
    """The record, changed in place, as `access` may read it now: no words of documents out of sight.

    How answers came about is admins' to see, and on pages of its own; what others made of them, theirs.
    """
    for name in _SEEN:
        passages = [row for message in record["messages"] for row in message.get(name, ())]
        for row, seen in zip(passages, as_seen(access, passages), strict=True):
            row.update({key: seen[key] for key in row})
            if seen["document"] is None:
                row.update(dict.fromkeys({"text_sha256"} & row.keys(), ""))
    for message in record["messages"]:
        for name in parts().keys() - _SEEN:
            message.pop(name, None)
    return record
