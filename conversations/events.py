"""What happens while a reply is written, in the shapes that sockets and SSE share."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    type: ClassVar[str] = ""

    def payload(self, message: UUID) -> dict[str, Any]:
        """The event as JSON, naming its message."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"type": self.type, "message": str(message), **told}


@dataclass(frozen=True, slots=True)
class StageChanged(Event):
    type: ClassVar[str] = "status"
    stage: str
    detail: str


@dataclass(frozen=True, slots=True)
class Queued(StageChanged):
    """The model has as much to do as it may; `position` counts from the front of the line."""

    position: int


@dataclass(frozen=True, slots=True)
class SourcesFound(Event):
    type: ClassVar[str] = "sources"
    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ThinkingAdded(Event):
    type: ClassVar[str] = "thinking"
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class TextAdded(Event):
    """`offset` counts the code points that stand before this text."""

    type: ClassVar[str] = "delta"
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class BlockRendered(Event):
    """A block of the answer as safe HTML; replaces whatever had that index."""

    type: ClassVar[str] = "block"
    index: int
    html: str


@dataclass(frozen=True, slots=True)
class TitleChanged(Event):
    type: ClassVar[str] = "title"
    conversation: str
    title: str


@dataclass(frozen=True, slots=True)
class Finished(Event):
    type: ClassVar[str] = "finished"
    finish_reason: str
    citations: list[dict[str, Any]]
    usage: dict[str, Any]
    timings: dict[str, Any]
    model: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    type: ClassVar[str] = "failed"
    code: str
    detail: str
    retryable: bool = True


TERMINAL_EVENTS = (Finished, Failed)
