"""What a source is: plain Python, so that a new kind needs to know nothing of Docent."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

MAX_KEY = 1024
# A key may be made of two parts, of an archive and what is in it, and an index takes 2,704 bytes in all.
_MAX_PART, _MAX_PART_BYTES = 480, 1200
KEPT = 280
"""So much of the beginning of a part stands in its key whatever its length."""


def short_key(part: str) -> str:
    """A part of a key as it can be kept: the end of one that is too long is its hash."""
    written = part.encode()
    if len(part) <= _MAX_PART and len(written) <= _MAX_PART_BYTES:
        return part
    return f"{part[:KEPT]}#{hashlib.sha256(written).hexdigest()}"


class SourceError(Exception):
    """A source, or one thing in it, cannot be read now.

    `code` is for programs; `detail` is a sentence for people: what is wrong and what to do about it.
    `retry_after` is when the other side wants to be asked again, in seconds.
    """

    def __init__(self, code: str, detail: str, *, retry_after: float | None = None) -> None:
        """Keep the parts; `str()` gives the sentence."""
        super().__init__(detail)
        self.code, self.detail, self.retry_after = code, detail, retry_after


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a source holds.

    `key` is what the source knows it by, `name` a file's name with its ending. While `marker` stays the same the
    bytes do; an empty one says nothing. `open()` gives bytes that do not change any more, in a file that its
    reader closes; it raises `SourceError` or `OSError`.
    """

    key: str
    name: str
    marker: str
    open: Callable[[], BinaryIO]
    title: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A part of a source that could not be looked at: nobody knows what became of items whose keys begin so."""

    prefix: str
    reason: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a source holds, as a whole; what is neither here nor under something unseen is gone."""

    items: list[Item]
    unseen: list[Unseen] = field(default_factory=list)


class Source(Protocol):
    """A place that is looked at again and again."""

    def look(self, known: Mapping[str, str]) -> Look:
        """What it holds now. `known` are the markers by key that were seen last time.

        Raises `SourceError` when nothing can be said about the whole.
        """
        ...
