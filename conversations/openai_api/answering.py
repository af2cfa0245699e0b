"""Reads what is answered. Whoever leaves before the end stops the answer and its model."""

from collections.abc import AsyncIterator

from django.http import HttpRequest

from conversations.events import Event, Failed, Finished, SourcesFound, TextAdded, ThinkingAdded
from conversations.openai_api.shapes import Answered, Completion, data_frame
from conversations.replies import runner
from conversations.replies.questions_in_passing import leave
from conversations.services.messages import Asked
from tenants.access import Access
from tenants.api.problems import error_of, told
from tenants.errors import DocentError

# How a reply that fails is answered for: who comes again later may have more luck, or is at fault.
_STATUS = {
    "question_too_long": 400,
    "stopped": 409,
    "model_unreachable": 503,
    "model_timeout": 503,
    "model_busy": 503,
    "interrupted": 503,
    "internal_error": 500,
}
_BAD_GATEWAY = 502
_RETRY_AFTER = 2


class ReplyFailed(DocentError):
    """A reply that broke; what there is of its text is kept with the message."""

    title = "The answer could not be written"

    def __init__(self, event: Failed) -> None:
        super().__init__(event.detail, code=event.code)
        self.status = _STATUS.get(event.code, _BAD_GATEWAY)
        self.retry_after = _RETRY_AFTER if self.status == _STATUS["interrupted"] else None


class _Reading:
    """What has been read of a reply."""

    def __init__(self) -> None:
        self.text = ""
        self._thinking = ""
        self._sources: list[dict[str, object]] = []

    def take(self, event: Event) -> Answered | None:
        """Returns the answer when it is over; raises `ReplyFailed`."""
        match event:
            case TextAdded():
                self.text += event.text
            case ThinkingAdded():
                self._thinking += event.text
            case SourcesFound():
                self._sources = event.items
            case Failed():
                raise ReplyFailed(event)
            case Finished(finish_reason="stopped"):
                # By somebody else, or before the same request came again: a part is not told as all of it.
                raise ReplyFailed(Failed("stopped", "This answer was stopped before its end. Ask again."))
            case Finished():
                return Answered(self.text, self._thinking, self._sources, event)
        return None


async def whole(access: Access, asked: Asked) -> Answered:
    """The answer when it is done. Raises `ReplyFailed`."""
    reading = _Reading()
    async for event in runner.follow(access, asked.message_id):
        answered = reading.take(event)
        if answered is not None:
            return answered
    raise ReplyFailed(Failed("interrupted", "Writing this answer was interrupted. You can ask again."))


async def chunks(request: HttpRequest, access: Access, asked: Asked, completion: Completion) -> AsyncIterator[str]:
    """The answer in pieces as server-sent events. Closed before its end, it takes the reply along."""
    reading = _Reading()
    try:
        yield completion.first()
        async for event in runner.follow(access, asked.message_id):
            answered = reading.take(event)
            if isinstance(event, TextAdded):
                yield completion.said({"content": event.text})
            elif isinstance(event, ThinkingAdded):
                yield completion.said({"reasoning_content": event.text})
            elif answered is not None:
                for frame in completion.ending(answered):
                    yield frame
    except Exception as error:  # noqa: BLE001 - `error_of` logs what is no refusal
        yield data_frame(told(error_of(error, request), request)[0])
    finally:
        leave(asked)
