"""Frames of a conversation's socket: read field by field, and turned into what they ask for."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from conversations.services.messages import Asked, ask
from conversations.services.turns import continue_reply, edit_question, regenerate_reply
from tenants.errors import InvalidInput, NotFound, TooLarge

MAX_FRAME_BYTES = 64 * 1024
_LONGEST_REQUEST_ID = 64
Frame = dict[str, Any]
# Stores a question, or a pending answer, in the conversation that it is told.
Turn = Callable[..., Asked]


def parse(text: str | None) -> Frame:
    if text is None:
        raise InvalidInput("Frames are JSON text.", code="malformed")
    if len(text.encode()) > MAX_FRAME_BYTES:
        raise TooLarge("A frame may have up to 64 kB.", code="frame_too_large")
    try:
        frame = json.loads(text)
        # What cannot be told again cannot be kept: half surrogates, which JSON can name.
        json.dumps(frame, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The frame is not JSON.", code="malformed") from error
    if not isinstance(frame, dict):
        raise InvalidInput("A frame is a JSON object.", code="malformed")
    for name in ("content", "request_id", "model"):
        if "\0" in str(frame.get(name)):
            raise InvalidInput.at(f"/{name}", "Null characters are not allowed.", "null_characters_not_allowed")
    return frame


def turn_of(frame: Frame) -> Turn:
    """What an `ask`, `edit`, `regenerate` or `continue` frame wants stored."""
    return _TURNS[frame["type"]](frame)


def _asked(frame: Frame) -> Turn:
    only(frame, {"type", "request_id", "content", "parent", "collections", "documents", "model"})
    return partial(
        ask,
        content=_content(frame),
        parent=None if frame.get("parent") is None else message_id_of(frame, "parent"),
        collections=_uuids(frame, "collections"),
        documents=_uuids(frame, "documents"),
        model=model_of(frame),
    )


def _edited(frame: Frame) -> Turn:
    only(frame, {"type", "request_id", "message", "content"})
    return partial(edit_question, content=_content(frame), question_id=message_id_of(frame))


def _regenerated(frame: Frame) -> Turn:
    only(frame, {"type", "request_id", "message", "model"})
    return partial(regenerate_reply, message_id=message_id_of(frame), model=model_of(frame))


def _continued(frame: Frame) -> Turn:
    only(frame, {"type", "request_id", "message"})
    return partial(continue_reply, message_id=message_id_of(frame))


_TURNS: dict[str, Callable[[Frame], Turn]] = {
    "ask": _asked,
    "edit": _edited,
    "regenerate": _regenerated,
    "continue": _continued,
}
TURNS = tuple(_TURNS)


def request_id_of(frame: Frame) -> str:
    """What the client calls its request; one of our own where it does not say."""
    request_id = frame.get("request_id") or str(uuid4())
    if not isinstance(request_id, str) or len(request_id) > _LONGEST_REQUEST_ID:
        raise InvalidInput.at("/request_id", "A request id is text of up to 64 characters.", "invalid")
    return request_id


def offset_of(frame: Frame) -> int:
    offset = frame.get("offset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        raise InvalidInput.at("/offset", "The offset is a number of characters.", "invalid")
    return offset


def message_id_of(frame: Frame, name: str = "message") -> UUID:
    try:
        return UUID(str(frame.get(name)))
    except ValueError as error:
        raise NotFound("There is no such message.") from error


def only(frame: Frame, known: set[str]) -> None:
    """Raise `InvalidInput` for a field that is not known."""
    unknown = sorted(set(frame) - known)
    if unknown:
        raise InvalidInput.at(f"/{unknown[0]}", "This field is not known.", "unknown_field")


def _content(frame: Frame) -> str:
    content = frame.get("content")
    if not isinstance(content, str):
        raise InvalidInput.at("/content", "Ask a question as text.", "required")
    return content


def model_of(frame: Frame) -> str:
    """The model that is wished for; "" leaves it to the conversation."""
    model = frame.get("model") or ""
    if not isinstance(model, str):
        raise InvalidInput.at("/model", "A model is named as text.", "invalid")
    return model


def _uuids(frame: Frame, name: str) -> list[UUID]:
    values = frame.get(name) or []
    if not isinstance(values, list):
        raise InvalidInput.at(f"/{name}", "This is a list of ids.", "invalid")
    try:
        return [UUID(str(value)) for value in values]
    except ValueError as error:
        raise InvalidInput.at(f"/{name}", "This is a list of ids.", "invalid") from error
