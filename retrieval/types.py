"""What a search is asked and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import numpy as np
from numpy.typing import NDArray


class Mode(StrEnum):
    HYBRID = "hybrid"
    VECTOR = "vector"
    LEXICAL = "lexical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where to look, within what the person may see. None means everywhere, and the files of no conversation.

    `attached_to` is the conversation whose files are looked through too.

    A document with one of `tags`, in one of `languages` (ISO 639-1), dated from `after` on and earlier than
    `before`; see `retrieval.filters` for its date. Of its passages those with all of `phrases` and nothing of
    `without`, word for word but for their endings.
    """

    collections: tuple[UUID, ...] | None = None
    documents: tuple[UUID, ...] | None = None
    attached_to: UUID | None = None
    tags: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    after: datetime | None = None
    before: datetime | None = None
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionVector:
    """A question as one index's model sees it, shape [dimensions]: to be compared in that index alone."""

    index: UUID
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage found. `start` and `end` are code points of the version's text; `page` counts from 1.

    `score` compares hits of one search only. `cosine` is the passage's similarity to the question. `shares` and
    `ranks` say by list (meaning, words, title) what the score is made of and which place that made.
    """

    document: UUID
    name: str
    title: str
    version: int
    page: int
    text: str
    score: float
    start: int
    end: int
    cosine: float
    heading: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """What a re-ranking model chooses from: the hits and more, in their order, and the text it is sent of each."""

    hits: tuple[Hit, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranking:
    """What a re-ranking model was asked, and how that went.

    `places` says of each hit where it stood before, from 1. After a failure, which is a sentence, the order is
    the one of before.
    """

    model: str
    passages: int
    seconds: float
    places: tuple[int, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for `question` came to: the passages, best first.

    `best` is the highest score before anything but the search itself had its say about their order.
    `by_words_alone`: nothing was compared by meaning, and every cosine reads 0. `shortlist` and `reranking` are
    None where no re-ranking model is set up. `considered` are the hits and those that came next, as the search
    ordered them; `timings` the seconds of its stages.
    """

    question: str = ""
    hits: list[Hit] = field(default_factory=list)
    best: float = 0.0
    by_words_alone: bool = False
    shortlist: Shortlist | None = None
    reranking: Reranking | None = None
    considered: tuple[Hit, ...] = ()
    # Two searches that find the same are the same, however long they took.
    timings: Mapping[str, float] = field(default_factory=dict, compare=False)
