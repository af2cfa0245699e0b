"""A question by way of a tool: the same reply as at every other door, told whole when it is written."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from conversations.events import Event, Queued, StageChanged, TextAdded
from conversations.mcp.progress import Report
from conversations.mcp.reading import id_of
from conversations.models import Status
from conversations.replies import runner
from conversations.replies.questions_in_passing import begin, leave
from conversations.selectors.conversations import access_message, message_views
from conversations.services.messages import Asked, require_content
from conversations.services.questions_in_passing import Passing
from documents.models import Collection
from documents.selectors import hidden_titles, visible_collections
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import DocentError, InvalidInput
from tenants.revocable_work import while_allowed

# Seconds between two words about how far the text is.
_REPORT_SECONDS = 1.0


class Unanswered(DocentError):
    """The reply came to no end that could be told."""

    code, title = "unanswered", "There is no answer"


async def ask(access: Access, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The cited answer. Whoever leaves before it is written stops it: nobody else could ever read it."""
    question, named = arguments["question"], arguments.get("collection")
    require_content(question, pointer="/question")
    collection = await run_in_tenant(access.tenant_id, _slug, access, named) if named else ""
    asked = await begin(access, Passing(content=question, collection=collection), None)
    try:
        message = await while_allowed(access, _written(access, asked, report))
    except BaseException:
        leave(asked)
        raise
    return _told(message)


def _slug(access: Access, named: str) -> str:
    """Of a collection, by slug or id. Raises `InvalidInput`, whether it is missing or out of sight."""
    seen = visible_collections(access)
    try:
        found: Collection | None = seen.filter(id=UUID(named)).first()
    except ValueError:
        found = seen.filter(slug=named).first()
    if found is None:
        raise InvalidInput.at("/collection", "There is no such collection.", "unknown_id")
    return found.slug


async def _written(access: Access, asked: Asked, report: Report) -> dict[str, Any]:
    """The message when it is stored; whoever waits is told how far it is."""
    told, next_text = 0, 0.0
    async for event in runner.follow(access, asked.message_id):
        words = _words(event)
        if isinstance(event, TextAdded):
            if time.monotonic() < next_text:
                continue
            next_text = time.monotonic() + _REPORT_SECONDS
        if words is not None:
            told += 1
            await report(float(told), message=words)
    return await run_in_tenant(access.tenant_id, _read, access, asked.message_id)


def _words(event: Event) -> str | None:
    match event:
        case Queued():
            return f"Waiting for the model: place {event.position} in line."
        case StageChanged():
            return event.detail or event.stage.capitalize()
        case TextAdded():
            return f"Writing: {event.offset + len(event.text)} characters."
        case _:
            return None


def _read(access: Access, message_id: UUID) -> dict[str, Any]:
    """The message; whoever reads it is a model, so titles are as models may read them."""
    message = message_views(access, [access_message(access, message_id)])[0]
    places = [*message["citations"], *message["sources"]]
    titles = hidden_titles(one["title"] for one in places)
    for one in places:
        one["title"] = titles[one["title"]]
    return message


def _told(message: Mapping[str, Any]) -> dict[str, Any]:
    if message["status"] not in {Status.FINISHED, Status.REFUSED}:
        raise Unanswered((message["error"] or {}).get("detail", "The answer was stopped."))
    return {
        "answer": message["content"],
        "is_refused": message["status"] == Status.REFUSED,
        "citations": [{**_place(one), "quote": one["quote"], "url": one["url"]} for one in message["citations"]],
        "sources": [
            {
                **_place(one),
                "id": id_of(one["document"], one["page"]) if one["document"] else None,
                "url": one["url"],
            }
            for one in message["sources"]
        ],
        "model": message["model"] or "",
    }


def _place(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("marker", "title", "page")}
