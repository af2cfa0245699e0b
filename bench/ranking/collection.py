"""A folder of documents as the index has them: cut, embedded, and with the words that PostgreSQL sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from config.embedded import servers
from documents.chunking import embedded_text
from documents.document_passages import Cutter
from documents.extraction import Limits, iter_pages
from documents.extraction.types import MARKDOWN, PDF, PLAIN_TEXT
from documents.masking import MaskingRules
from providers.embedding.builtin import BuiltinEmbedder

_TYPES = {".pdf": PDF, ".md": MARKDOWN, ".txt": PLAIN_TEXT}
_BATCH = 64
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Case:
    """A question and the places that answer it, each a file's name and a page from 1."""

    question: str
    gold: frozenset[tuple[str, int]]
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Passage:
    """Fits `retrieval.ranking.page_words.Worded`; `document` is the file's name."""

    document: Any
    page: int
    heading: str
    text: str
    length: int = 0
    counts: dict[str, int] = field(default_factory=dict)


class Collection:
    """Passages and cases, and how near each is to each."""

    def __init__(self, passages: Sequence[Passage], cases: Sequence[Case], embedder: BuiltinEmbedder) -> None:
        self.passages = passages
        self.cases = cases
        self._embedder = embedder
        self._rankings: Floats = np.zeros((0, 0))

    @cached_property
    def near(self) -> Floats:
        """The cosine of each question and passage as the index has them, shape [cases, passages]."""
        return self._cosines(self._vectors)

    @cached_property
    def near_without_headings(self) -> Floats:
        return self._cosines(self._embed([one.text for one in self.passages], "passage"))

    @cached_property
    def near_with_titles(self) -> Floats:
        texts = [embedded_text(one.document, one.heading, one.text) for one in self.passages]
        return self._cosines(self._embed(texts, "passage"))

    @cached_property
    def near_in_parts(self) -> Floats:
        """The cosine of each question's best sentence."""
        parts = [re.split(r"(?<=[.?!]) +", one.question) for one in self.cases]
        best = [(self._embed(part, "query") @ self._vectors.T).max(axis=0) for part in parts]
        return np.stack(best).astype(np.float64)

    def alike(self, number: int) -> Floats:
        """The cosines of a passage and all."""
        return np.asarray(self._vectors @ self._vectors[number], dtype=np.float64)

    @property
    def rankings(self) -> Floats:
        """PostgreSQL's ts_rank with length normalisation 1, shape [cases, passages]."""
        return self._rankings

    def count_words(self, database: str) -> None:
        """Let PostgreSQL find the words of passages and questions."""
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE TEMP TABLE passage (number int, words tsvector)")
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO passage VALUES (%s, to_tsvector('english', %s))",
                    [(number, f"{one.heading} {one.text}") for number, one in enumerate(self.passages)],
                )
            self.cases = [
                Case(one.question, one.gold, tuple(_words(connection, one.question))) for one in self.cases
            ]
            wanted = list({word for one in self.cases for word in one.words})
            self._count(connection, wanted)
            self._rankings = np.array([self._ranks(connection, one.words) for one in self.cases])

    def _count(self, connection: psycopg.Connection[Any], wanted: list[str]) -> None:
        for number, length in connection.execute("SELECT number, length(words) FROM passage"):
            self.passages[number].length = length
        counted = connection.execute(
            "SELECT number, lexeme, cardinality(positions) FROM passage, unnest(words) WHERE lexeme = ANY(%s)",
            [wanted],
        )
        for number, word, count in counted:
            self.passages[number].counts[word] = count

    def _ranks(self, connection: psycopg.Connection[Any], words: Sequence[str]) -> Floats:
        ranks = np.zeros(len(self.passages))
        query = " | ".join("'" + word.replace("'", "''") + "'" for word in words)
        ranked = "SELECT number, ts_rank(words, %s::tsquery, 1) FROM passage WHERE words @@ %s::tsquery"
        for number, rank in connection.execute(ranked, [query, query]):
            ranks[number] = rank
        return ranks

    @cached_property
    def _vectors(self) -> NDArray[np.float32]:
        return self._embed([embedded_text("", one.heading, one.text) for one in self.passages], "passage")

    @cached_property
    def _questions(self) -> NDArray[np.float32]:
        return self._embed([one.question for one in self.cases], "query")

    def _cosines(self, vectors: NDArray[np.float32]) -> Floats:
        return (self._questions @ vectors.T).astype(np.float64)

    def _embed(self, texts: Sequence[str], purpose: Any) -> NDArray[np.float32]:
        parts = [
            self._embedder.embed(texts[start : start + _BATCH], purpose=purpose)
            for start in range(0, len(texts), _BATCH)
        ]
        return np.concatenate(parts)


def read(folder: Path, questions: Path, scratch: Path, *, size: int, overlap: int) -> Collection:
    """Everything in `folder`, and those of `questions` (a JSON object a line) that have an answer in it.

    A question has either `pages` of its `document`, or `evidence` that stands on the pages.
    """
    embedder = BuiltinEmbedder(scratch / "models")
    pages: dict[tuple[str, int], str] = {}
    passages: list[Passage] = []
    for path in sorted(folder.iterdir()):
        if path.suffix in _TYPES:
            cutter = Cutter(
                title=path.name,
                media_type=_TYPES[path.suffix],
                size=size,
                overlap=overlap,
                embedder=embedder,
                rules=MaskingRules(),
            )
            passages += _cut(path, cutter, pages)
    lines = [json.loads(line) for line in questions.read_text().splitlines() if line.strip()]
    cases = [Case(one["question"], frozenset(_gold(one, pages))) for one in lines if one["answerable"]]
    collection = Collection(passages, cases, embedder)
    environ: dict[str, str] = {}
    with servers(scratch, environ):
        collection.count_words(environ["DATABASE_ADMIN_URL"])
    return collection


def _cut(path: Path, cutter: Cutter, pages: dict[tuple[str, int], str]) -> Iterator[Passage]:
    with iter_pages(path, cutter.media_type, limits=Limits(seconds=300), allow_unisolated=True) as stream:
        for page in stream:
            pages[path.name, page.number] = _plain(page.text)
            for one in cutter.cut(page):
                yield Passage(path.name, one.page, one.heading, one.text)


def _gold(line: dict[str, Any], pages: dict[tuple[str, int], str]) -> Iterator[tuple[str, int]]:
    if line.get("pages"):
        yield from ((line["document"], page) for page in line["pages"])
        return
    evidence = _plain(line["evidence"])
    named = line.get("documents") or [line["document"]]
    yield from (place for place, text in pages.items() if place[0] in named and evidence in text)


def _plain(text: str) -> str:
    return " ".join("".join(sign for sign in text if sign not in "*_`#\\").split())


def _words(connection: psycopg.Connection[Any], question: str) -> list[str]:
    row = connection.execute("SELECT tsvector_to_array(to_tsvector('english', %s))", [question]).fetchone()
    return row[0] if row else []
