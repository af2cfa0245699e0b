"""What visitors are told of an answer: words, titles, pages, quotes; no address, no document's id, no model."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from conversations.events import Event, Failed, Finished, Queued, SourcesFound, StageChanged, TextAdded
from conversations.models import Message, Role
from conversations.rendering import BlockStream, render_blocks
from conversations.replies import runner
from conversations.selectors.conversations import message_views
from tenants.access import Access
from tenants.api.asynchronous import event_frame

_Told = tuple[str, dict[str, Any]]
_PASSAGE = ("marker", "title", "page")
_CITATION = (*_PASSAGE, "quote")
# Whose words are about the question; those of others may name servers and models.
_TOLD = frozenset({"interrupted", "question_too_long"})


async def frames_of(access: Access, message_id: UUID) -> AsyncIterator[str]:
    """Server-sent events of an answer from its beginning: its text as it grows, and the same as blocks of HTML."""
    telling = _Telling()
    async for event in runner.follow(access, message_id):
        for kind, told in telling.of(event):
            payload = {"type": kind, "message": str(message_id), **told}
            yield event_frame(payload, number=len(telling.text))


class _Telling:
    """What visitors are told of each event, and the text so far."""

    def __init__(self) -> None:
        self.text = ""
        self._chips: dict[int, str | None] = {}
        self._stream = BlockStream()

    def of(self, event: Event) -> list[_Told]:
        match event:
            case StageChanged():
                more = {"position": event.position} if isinstance(event, Queued) else {}
                return [("status", {"stage": event.stage, **more})]
            case SourcesFound():
                self._chips = _chips(event.items)
                return [("sources", {"items": _only(_PASSAGE, event.items)})]
            case TextAdded():
                self.text += event.text
                blocks = _blocks(self._stream.update(self.text, self._chips))
                return [("delta", {"offset": event.offset, "text": event.text}), *blocks]
            case Failed():
                rest = _blocks(self._stream.update(self.text, self._chips, is_over=True))
                return [*rest, ("failed", failure(event.code, event.detail))]
            case Finished():
                # What could not be verified stays plain text.
                verified = _blocks(enumerate(render_blocks(self.text, _chips(event.citations))))
                citations = _only(_CITATION, event.citations)
                return [*verified, ("finished", {"finish_reason": event.finish_reason, "citations": citations})]
            case _:
                return []


def _blocks(changed: Iterable[tuple[int, str]]) -> list[_Told]:
    return [("block", {"index": index, "html": html}) for index, html in changed]


def failure(code: str, detail: str) -> dict[str, Any]:
    told = detail if code in _TOLD else _("The answer could not be written just now. Try again in a moment.")
    return {"code": code if code in _TOLD else "failed", "detail": told, "retryable": True}


def shown_messages(access: Access, messages: Iterable[Message]) -> list[dict[str, Any]]:
    """A conversation as its visitor reads it again."""
    return [_shown(view) for view in message_views(access, messages)]


def _shown(view: Mapping[str, Any]) -> dict[str, Any]:
    common = {name: view[name] for name in ("id", "role", "content", "status", "created_at")}
    if view["role"] != Role.ASSISTANT:
        return common
    error = view["error"]
    return {
        **common,
        "finish_reason": view["finish_reason"],
        "blocks": render_blocks(view["content"], _chips(view["citations"])),
        "citations": _only(_CITATION, view["citations"]),
        "error": failure(error["code"], error["detail"]) if error else None,
    }


def _chips(places: Sequence[Mapping[str, Any]]) -> dict[int, str | None]:
    return {place["marker"]: None for place in places}


def _only(names: Iterable[str], items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: item[name] for name in names} for item in items]
