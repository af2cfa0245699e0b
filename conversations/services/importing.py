"""Writes: a conversation from a record that somebody has.

Nothing in such a file is believed. Whoever brings it becomes its author and every id is a new one; a passage keeps
its document only where they see that, and a quote only where it stands at its place there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.exceptions import ValidationError as RefusedByField

from conversations import records
from conversations.models import (
    Citation,
    Conversation,
    MemoryKind,
    Mode,
    Persona,
)
from conversations.prompting.summary_jobs import summarise_soon
from conversations.records import Whole
from conversations.searching.embedding import embed_soon
from conversations.selectors.personas import list_personas
from conversations.services.archives import insert_whole
from conversations.services.conversations import note_chosen
from documents.api.serializers.documents import MetadataField
from documents.masking import is_masked_form
from documents.models import Page
from documents.selectors import visible_collections, visible_documents
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.permissions import Action

_KNOWN = frozenset(
    {
        "role",
        "content",
        "status",
        "finish_reason",
        "model",
        "error_code",
        "error_detail",
        "searched_for",
        "usage",
        "timings",
        "created_at",
    }
)
_PASSAGE = frozenset(
    {"marker", "document", "version", "name", "title", "page", "start", "end", "quote", "text_sha256", "score"}
)


def import_archive(*, access: Access, content: Any) -> Conversation:
    """Begin an open conversation of one's own with what a record says. Raises `InvalidInput` with pointers."""
    access.require(Action.CHAT)
    records.require_valid(content)
    ids = _new_ids(content["messages"])
    known = _known(content["messages"], ids)
    leaf = content["conversation"].get("leaf_id")
    with tenant_atomic(access.tenant_id):
        conversation = _begin(access, content, leaf=ids.get(leaf.lower()) if leaf else None)
        try:
            whole = records.whole_of(known, conversation)
        except (ValidationError, OverflowError) as error:
            raise InvalidInput(
                "A time or number in the archive does not exist.", code="invalid_archive"
            ) from error
        _require_past(whole)
        _withhold(access, whole)
        insert_whole(whole)
        embed_soon(conversation.id)
        summarise_soon(conversation.id)
        record(
            access,
            "conversation.imported",
            target_kind="conversation",
            target_id=conversation.id,
            messages=len(whole.messages),
        )
    return conversation


def _new_ids(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Ids of our own by those in the record."""
    ids = {one["id"].lower(): str(uuid4()) for one in messages}
    if len(ids) != len(messages):
        raise InvalidInput.at("/messages", "Two messages have the same id.", "invalid_archive")
    return ids


def _known(messages: Iterable[Mapping[str, Any]], ids: Mapping[str, str]) -> dict[str, Any]:
    """The record's messages with ids of our own, and without what is made anew or the schema does not name."""
    made = []
    for number, one in enumerate(messages):
        parent = one["parent"] and ids.get(one["parent"].lower())
        if one["parent"] and (parent is None or parent == ids[one["id"].lower()]):
            pointer = f"/messages/{number}/parent"
            raise InvalidInput.at(pointer, "There is no such message in the archive.", "unknown_id")
        made.append(
            {name: value for name, value in one.items() if name in _KNOWN}
            | {
                "id": ids[one["id"].lower()],
                "parent": parent,
                "based_on": [ids[id_.lower()] for id_ in one.get("based_on", ()) if id_.lower() in ids],
                "citations": _passages(one.get("citations", ()), f"/messages/{number}/citations"),
                "sources": _passages(one.get("sources", ()), f"/messages/{number}/sources"),
            }
        )
    _require_no_circle(made)
    return {"messages": made}


def _passages(rows: Iterable[Mapping[str, Any]], pointer: str) -> list[dict[str, Any]]:
    kept = [
        {"name": row["title"], "score": 0.0, "text": ""}
        | {name: value for name, value in row.items() if name in _PASSAGE}
        | {"id": str(uuid4())}
        for row in rows
    ]
    if len({row["marker"] for row in kept}) != len(kept):
        raise InvalidInput.at(pointer, "Two passages of one answer have the same marker.", "invalid_archive")
    return kept


def _require_no_circle(messages: list[dict[str, Any]]) -> None:
    """Every message must hang, over however many others, on one without a parent."""
    parents = {one["id"]: one["parent"] for one in messages}
    grounded: set[str] = set()
    for one in parents:
        path: list[str] = []
        step: str | None = one
        while step is not None and step not in grounded:
            if step in path[-1:] or len(path) > len(parents):
                raise InvalidInput.at(
                    "/messages", "The messages hang on each other in a circle.", "invalid_archive"
                )
            path.append(step)
            step = parents[step]
        grounded.update(path)


def _require_past(whole: Whole) -> None:
    """What is asked from now on comes after everything that was."""
    for number, message in enumerate(whole.messages):
        if message.created_at > timezone.now():
            pointer = f"/messages/{number}/created_at"
            raise InvalidInput.at(pointer, "This message is of a time to come.", "invalid_archive")


def _begin(access: Access, content: Mapping[str, Any], *, leaf: str | None) -> Conversation:
    about = content["conversation"]
    title = " ".join(about["title"].split())
    conversation: Conversation = Conversation.objects.create(
        author_id=access.user_id,
        title=title,
        has_manual_title=bool(title and about.get("has_manual_title", True)),
        mode=Mode(about["mode"]),
        persona=_persona(access, content.get("persona")),
        memory=MemoryKind(about.get("memory", MemoryKind.WINDOW)),
        memory_turns=about.get("memory_turns"),
        leaf_id=leaf and UUID(leaf),
        metadata=_metadata(about.get("metadata", {})),
    )
    collections = visible_collections(access).filter(id__in=content.get("collections", ()))
    documents = visible_documents(access).filter(id__in=content.get("documents", ()))
    note_chosen(conversation, collections, documents)
    return conversation


def _persona(access: Access, name: str | None) -> Persona | None:
    """The one of this name that is offered here."""
    return list_personas(access).filter(name=name).order_by("created_at", "id").first() if name else None


def _metadata(value: Any) -> Any:
    try:
        return MetadataField().run_validation(value)
    except RefusedByField as error:
        detail = " ".join(map(str, error.detail))
        raise InvalidInput.at("/conversation/metadata", detail, "invalid") from error


def _withhold(access: Access, whole: Whole) -> None:
    """Take away documents out of sight, and quotes that do not stand where they are said to."""
    passages = [*whole.citations, *whole.sources]
    wanted = {one.document_id for one in passages if one.document_id}
    seen = set(visible_documents(access).filter(id__in=wanted).values_list("id", flat=True))
    for source in whole.sources:
        if source.document_id not in seen or not source.text:
            source.document, source.text = None, ""
    pages = _Pages()
    for citation in whole.citations:
        if citation.document_id not in seen or not pages.have(citation):
            citation.document, citation.quote = None, ""


class _Pages:
    """The pages that citations name, each read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[UUID | None, int, int], tuple[int, str]] = {}

    def have(self, citation: Citation) -> bool:
        place = (citation.document_id, citation.version, citation.page)
        if place not in self._read:
            pages = Page.objects.filter(version__document=place[0], version__number=place[1], number=place[2])
            self._read[place] = pages.values_list("start", "text").first() or (0, "")
        begin, text = self._read[place]
        start, end = citation.start - begin, citation.end - begin
        return 0 <= start < end and is_masked_form(citation.quote, text[start:end])
