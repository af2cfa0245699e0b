"""From rows to a record.

Words of documents stand in a record only as quotes: of what a model was given it keeps the places, and a hash by
which the words are known again.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Field
from django.utils import timezone

from conversations.models import Conversation, Message
from conversations.records.parts import columns, parts, persons
from conversations.records.schema import SCHEMA
from documents.models import Document
from tenants.models import TenantModel

Row = dict[str, Any]


def record_of(conversation: Conversation) -> Row:
    """A conversation with all that belongs to it. Its parts are held until the caller's unit is over."""
    messages = list(
        Message.objects.filter(conversation=conversation).select_for_update().order_by("created_at", "id")
    )
    whole = {message.id: _row(message, columns(Message)) for message in messages}
    for name, (model, key) in parts().items():
        for one in whole.values():
            one[name] = []
        # Held: whoever erases a document at this moment is waited for, and its words are gone then.
        rows = model.objects.filter(**{f"{key}__in": messages}).select_for_update().order_by("id")
        kept = columns(model, apart_from=frozenset({key}))
        for row in sorted(rows, key=lambda one: getattr(one, "marker", 0)):
            said = _nameless(_hashed(_row(row, kept)), persons(model), str(conversation.author_id))
            whole[getattr(row, f"{key}_id")][name].append(said)
    return {
        "schema": SCHEMA,
        "archived_at": timezone.now().isoformat(),
        "conversation": _row(conversation, columns(Conversation)),
        "persona": conversation.persona.name if conversation.persona else None,
        "collections": [str(one.collection_id) for one in conversation.chosen_collections.all()],
        "documents": [str(one.document_id) for one in conversation.chosen_documents.all()],
        "attachments": _attachments(conversation),
        "messages": list(whole.values()),
    }


def _attachments(conversation: Conversation) -> list[str]:
    """Their names: the files stay where they are."""
    files = Document.objects.filter(collection__attached_to=conversation.id).order_by("created_at", "id")
    return list(files.values_list("name", flat=True))


def _row(row: TenantModel, fields: "list[Field[Any, Any]]") -> Row:
    return {field.name: _plain(getattr(row, field.attname)) for field in fields}


def _hashed(row: Row) -> Row:
    """A source without its words."""
    if "text" not in row or "document" not in row:
        return row
    text = row.pop("text")
    return {**row, "text_sha256": hashlib.sha256(text.encode()).hexdigest() if text else ""}


def _nameless(row: Row, people: Iterable[str], author: str) -> Row:
    """A row without its conversation's author, whom its reader knows."""
    return row | {who: None for who in people if row[who] == author}


def _plain(value: object) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
    return value


def documents_in(record: Row) -> set[UUID]:
    """The documents whose words or places stand in it."""
    return {UUID(one["document"]) for one in _passages(record) if one["document"]}


def people_in(record: Row) -> set[UUID]:
    """Who did something to its messages."""
    return {
        UUID(one[who])
        for message in record["messages"]
        for name, (model, _) in parts().items()
        for who in persons(model)
        for one in message.get(name, ())
        if one[who]
    }


def without(record: Row, gone: set[UUID]) -> Row:
    """The record, changed in place, without the words of these documents and what these people did."""
    ids = set(map(str, gone))
    for message in record["messages"]:
        for name, (model, _) in parts().items():
            columns_of_people = persons(model)
            kept = [one for one in message.get(name, ()) if ids.isdisjoint(one[who] for who in columns_of_people)]
            message[name] = kept
    for one in _passages(record):
        if one["document"] in ids:
            one["document"] = None
            one.update(dict.fromkeys({"quote", "text_sha256"} & one.keys(), ""))
    return record


def _passages(record: Row) -> Iterator[Row]:
    for message in record["messages"]:
        for name in parts():
            yield from (one for one in message.get(name, ()) if "document" in one)
