"""What is sent to the main operations and what comes back: shown in the schema and in `docs/api.md`."""

from typing import Any, NamedTuple

_COLLECTION = "6b1f0f6e-3c7c-4f3e-9d3f-2f1c1f0f8a11"
_DOCUMENT = "0d6a4c1e-7f0b-4d39-8c36-5f1f2f7f9b22"
_CONVERSATION = "4a3d9a3e-5a0f-4b7c-9d62-9c8d1e2f3a33"
_QUESTION = "9f1e2d3c-4b5a-4678-8a9b-0c1d2e3f4a44"
_ANSWER = "c2b1a0f9-e8d7-4c6b-9a5f-4e3d2c1b0a55"
_PERSON = "7e6d5c4b-3a29-4180-8f7e-6d5c4b3a2966"
_PERSONA = "5d4c3b2a-1908-4f7e-8d6c-5b4a39281777"
_AT = "2026-01-15T09:30:00Z"
_QUOTE = "Every full-time employee has twenty-eight days of paid holiday a year."
_PLACE = f"https://docent.example.org/o/acme/d/{_DOCUMENT}/v/1/p/4?start=120&end=190"

_CITATION = {
    "marker": 1,
    "document": _DOCUMENT,
    "version": 1,
    "title": "Staff handbook",
    "page": 4,
    "quote": _QUOTE,
    "start": 120,
    "end": 190,
    "url": _PLACE,
    "verified": True,
}
_HIT = {
    "document": _DOCUMENT,
    "name": "handbook.pdf",
    "title": "Staff handbook",
    "version": 1,
    "page": 4,
    "text": _QUOTE,
    "score": 0.87,
    "start": 120,
    "end": 190,
}
_SOURCE = {**_HIT, "marker": 1, "url": _PLACE}
_SAID = "Full-time employees have 28 days of paid holiday a year [1]."
_SPEAKER = {"id": _PERSONA, "slug": "adviser", "name": "Adviser", "is_archived": False}
_A_CONVERSATION = {
    "id": _CONVERSATION,
    "title": "Holidays",
    "mode": "grounded",
    "persona": _SPEAKER,
    "status": "active",
    "origin": "chat",
    "collections": [_COLLECTION],
    "documents": [],
    "memory": "window",
    "memory_turns": None,
    "metadata": {"ticket": 7},
    "leaf": _ANSWER,
    "pinned": False,
    "temporary": False,
    "created_at": _AT,
    "updated_at": _AT,
    "ended_at": None,
    "archived_at": None,
}
_A_MESSAGE = {
    "id": _ANSWER,
    "conversation": _CONVERSATION,
    "role": "assistant",
    "parent": _QUESTION,
    "siblings": {"number": 1, "count": 1, "previous": None, "next": None},
    "content": _SAID,
    "status": "finished",
    "finish_reason": "stop",
    "model": "llama3.1:8b",
    "searched_for": None,
    "citations": [_CITATION],
    "sources": [_SOURCE],
    "feedback": None,
    "error": None,
    "usage": {"prompt_tokens": 812, "completion_tokens": 21},
    "timings": {"search": 0.02, "first_token": 0.31, "total": 0.9},
    "created_at": _AT,
}


class Example(NamedTuple):
    """The body that is sent, if any, and the answer with its status."""

    sent: dict[str, Any] | None
    status: str
    answer: dict[str, Any]


_OPINION = {"rating": "up", "comment": "Just what I needed.", "created_at": _AT, "updated_at": _AT}

EXAMPLES = {
    "conversations_create": Example(
        {"title": "Holidays", "collections": [_COLLECTION], "persona": "adviser", "metadata": {"ticket": 7}},
        "201",
        _A_CONVERSATION | {"leaf": None},
    ),
    "conversations_read": Example(None, "200", _A_CONVERSATION),
    "conversations_change": Example(
        {"title": "Holidays in 2026", "pinned": True},
        "200",
        _A_CONVERSATION | {"title": "Holidays in 2026", "pinned": True},
    ),
    "messages_create": Example({"content": "How many days of paid holiday are there?"}, "201", _A_MESSAGE),
    "messages_read": Example(None, "200", _A_MESSAGE),
    "messages_edit": Example({"content": "How many days of unpaid holiday are there?"}, "201", _A_MESSAGE),
    "query": Example(
        {"query": "How many days of paid holiday are there?", "collection": _COLLECTION},
        "200",
        {
            "session_id": _CONVERSATION,
            "message_id": _ANSWER,
            "response": _SAID,
            "sources": [_SOURCE],
            "sources_count": 1,
        },
    ),
    "search": Example(
        {"query": "paid holiday", "top_k": 5, "collections": [_COLLECTION], "mode": "hybrid"},
        "200",
        {"results": [_HIT]},
    ),
    "feedback_give": Example({"rating": "up", "comment": "Just what I needed."}, "201", _OPINION),
    "tokens_create": Example(
        {"name": "Intranet search", "scopes": ["chat", "documents:read"], "expires_at": "2027-01-01T00:00:00Z"},
        "201",
        {
            "id": "3b2a1908-f7e6-4d5c-9b4a-392817060588",
            "name": "Intranet search",
            "user": {"id": _PERSON, "email": "ann@acme.example"},
            "scopes": ["chat", "documents:read"],
            "collections": None,
            "created_at": _AT,
            "expires_at": "2027-01-01T00:00:00Z",
            "last_used_at": None,
            "token": "dct_<id>_<secret>",
        },
    ),
    "prompts_create": Example(
        {"title": "Summary", "text": "Summarise {{document}} in five sentences.", "is_shared": True}, "201", {}
    ),
    "collections_create": Example({"name": "Minutes of the board"}, "201", {}),
    "documents_change": Example({"title": "Staff handbook 2026", "tags": ["hr", "2026"]}, "200", {}),
    "shares_create": Example({"conversation": _CONVERSATION, "link": True}, "201", {}),
    "invitations_create": Example({"email": "ben@acme.example", "role": "member"}, "201", {}),
}
"""By operation; where the answer is empty it says no more than its schema."""


def add_examples(result: dict[str, Any], **_about: Any) -> dict[str, Any]:
    """Puts them into the OpenAPI schema. Called by drf-spectacular."""
    for operations in result["paths"].values():
        for operation in operations.values():
            example = EXAMPLES.get(operation["operationId"])
            if example is None:
                continue
            if example.sent is not None:
                operation["requestBody"]["content"]["application/json"]["example"] = example.sent
            if example.answer:
                operation["responses"][example.status]["content"]["application/json"]["example"] = example.answer
    return result
