"""What may be asked next: questions about what stands beside the passages that an answer was written from.

Nothing is asked of a model: each suggestion names a heading that the documents have, or a document that was found
and not cited, so there is something to answer it with. Why so: ADR 37.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from conversations.models import Citation, Message, Role, Status, Trace
from documents.headings import Section, sections_of
from documents.models import Chunk, Document
from documents.sight import documents_within_sight
from tenants.access import Access

MOST = 3
# Passages of the search, and of what follows the first cited one, that are looked at.
_FOUND, _FOLLOWING = 12, 24
_QUESTIONS = 50
_SHORTEST, _LONGEST = 3, 80


@dataclass(frozen=True, slots=True)
class _Passage:
    """`quoted` are the places in the version's text that the answer quotes of it."""

    chunk: Chunk
    sections: Sequence[Section]
    quoted: Sequence[int]

    @property
    def document(self) -> UUID:
        return self.chunk.document_id


def suggest_questions(access: Access, reply: Message) -> list[str]:
    """Up to three, within sight today; none after a refusal, or where nothing was searched or cited."""
    if reply.status != Status.FINISHED:
        return []
    passages = _passages(access, reply)
    cited = [one for one in passages if one.quoted]
    if not cited:
        return []
    titles = dict(Document.objects.filter(id__in={one.document for one in passages}).values_list("id", "title"))
    said = " ".join(_asked_before(reply)).casefold()
    known = _names_known(passages) | {title.casefold() for title in titles.values()}
    questions: dict[str, str] = {}
    for document, name in _names(passages, cited[0]):
        key = name.casefold()
        if _is_telling(name) and key not in known and key not in said:
            questions.setdefault(key, _about(titles[document], name))
    return [*questions.values(), *_other_documents(passages, cited, titles, said)][:MOST]


def _passages(access: Access, reply: Message) -> list[_Passage]:
    """What the search for this answer found, best first, as far as it stands there today."""
    trace = Trace.objects.filter(message=reply).first()
    found = trace.about.get("passages", [])[:_FOUND] if trace else []
    seen = documents_within_sight(access, {UUID(one["document"]) for one in found})
    places = {
        (UUID(one["document"]), one["version"], one["start"]): one["marker"]
        for one in found
        if UUID(one["document"]) in seen
    }
    if not places:
        return []
    wanted: list[Any] = [
        Q(document=document, version__number=version, start=start) for document, version, start in places
    ]
    chunks = list(Chunk.objects.filter(Q.create(wanted, connector=Q.OR)).select_related("version"))
    by_place = {(one.document_id, one.version.number, one.start): one for one in chunks}
    sections = sections_of(chunks)
    quoted: dict[int | None, list[int]] = {}
    for marker, start in Citation.objects.filter(message=reply).values_list("marker", "start"):
        quoted.setdefault(marker, []).append(start)
    return [
        _Passage(chunk, sections[chunk.id], quoted.get(marker, []))
        for place, marker in places.items()
        if (chunk := by_place.get(place))
    ]


def _asked_before(reply: Message) -> Sequence[str]:
    asked = Message.objects.filter(conversation=reply.conversation_id, role=Role.USER)
    return list(asked.order_by("-created_at").values_list("content", flat=True)[:_QUESTIONS])


def _names_known(passages: Sequence[_Passage]) -> set[str]:
    """Of the sections that the answer quotes, and of those that other sections are of: they are too wide."""
    known = {name.casefold() for one in passages for section in one.sections for name in section.path[:-1]}
    for one in passages:
        for place in one.quoted:
            above = [section for section in one.sections if section.start <= place]
            known |= {section.name.casefold() for section in above[-1:]}
    return known


def _names(passages: Sequence[_Passage], first: _Passage) -> Iterator[tuple[UUID, str]]:
    """Of the sections that were found, then of those that follow the first citation in its document."""
    for one in passages:
        yield from ((one.document, section.name) for section in one.sections)
    following = Chunk.objects.filter(version=first.chunk.version_id, number__gt=first.chunk.number)
    chunks = list(following.select_related("version").order_by("number")[:_FOLLOWING])
    sections = sections_of(chunks)
    for chunk in chunks:
        yield from ((first.document, section.name) for section in sections[chunk.id])


def _other_documents(
    passages: Sequence[_Passage], cited: Sequence[_Passage], titles: Mapping[UUID, str], said: str
) -> list[str]:
    """Documents without headings that were found and not cited."""
    known = {one.document for one in cited}
    others = dict.fromkeys(one.document for one in passages if one.document not in known and not one.sections)
    return [
        _("What does {title} say about this?").format(title=titles[one])
        for one in others
        if titles[one].casefold() not in said
    ]


def _is_telling(name: str) -> bool:
    return _SHORTEST <= len(name) <= _LONGEST and any(sign.isalpha() for sign in name)


def _about(title: str, name: str) -> str:
    if name.endswith("?"):
        return name
    return _("What does {title} say about “{heading}”?").format(title=title, heading=name)
