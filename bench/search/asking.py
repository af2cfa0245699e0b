"""Searching through the product's own door, one after another and as eight people do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median

import psycopg
from django.db import connections

from bench.search.corpus import Question
from bench.search.organisations import Organisation, admin_url, nearest
from documents.embedders import DEFAULT_MODEL, embedder_of
from retrieval.search import find_passages
from retrieval.types import Found, Mode, QuestionVector
from tenants.access import Access
from tenants.db import tenant_atomic

PEOPLE, EVERY, SECONDS = 8, 2.0, 30.0
_PASSAGES = 10
_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds: the median, and what one search in twenty is slower than."""

    median: float
    slow: float


def recall(organisations: Sequence[Organisation], *, collections: int | None = None) -> float:
    """The share of the ten nearest that a search by meaning finds."""
    found = expected = 0
    with psycopg.connect(admin_url(), autocommit=True) as admin:
        for one in organisations:
            access = one.limited(collections)
            for question in one.questions:
                wanted = nearest(admin, one, one.collections[:collections], question)
                hits = _search(access, one, question, Mode.VECTOR).hits
                found += len(wanted & {(hit.document, hit.page) for hit in hits})
                expected += len(wanted)
    connections.close_all()
    return found / expected


def load(organisation: Organisation, *, collections: int | None = None) -> Times:
    """Eight people, each asking every two seconds and none at the same moment as another."""
    access = organisation.limited(collections)
    search = partial(_search, access, organisation, mode=Mode.HYBRID)
    return ask_in_turn(organisation.questions, search)


def by_words(organisation: Organisation) -> Times:
    """One person, by words alone: what hybrid search comes down to while no model can be reached."""
    search = partial(_search, organisation.access, organisation, mode=Mode.LEXICAL)
    seconds = sorted(timed(search, question) for question in organisation.questions)
    return Times(1000 * median(seconds), 1000 * seconds[int(0.95 * len(seconds))])


def ask_in_turn(questions: Sequence[Question], search: Callable[[Question], object]) -> Times:
    begun = time.perf_counter() + 0.5

    def person(number: int) -> list[float]:
        seconds = []
        for turn in range(int(SECONDS / EVERY)):
            wait = begun + turn * EVERY + number * EVERY / PEOPLE - time.perf_counter()
            time.sleep(max(0.0, wait))
            seconds.append(timed(search, questions[(number + PEOPLE * turn) % len(questions)]))
        connections.close_all()
        return seconds[1:]  # the first opens the connection

    with ThreadPoolExecutor(PEOPLE) as pool:
        seconds = sorted(one for all_of_one in pool.map(person, range(PEOPLE)) for one in all_of_one)
    return Times(1000 * median(seconds), 1000 * seconds[int(0.95 * len(seconds))])


def first_token(organisation: Organisation) -> tuple[float, float]:
    """Median milliseconds of embedding a question and of its search, one person."""
    embedder = embedder_of(DEFAULT_MODEL)
    embedding, search = [], []
    for turn in range(_ROUNDS + 3):
        question = organisation.questions[turn % len(organisation.questions)]
        took = timed(lambda one: embedder.embed([one.text], purpose="query"), question)
        also = timed(lambda one: _search(organisation.access, organisation, one, Mode.HYBRID), question)
        if turn >= 3:
            embedding.append(1000 * took)
            search.append(1000 * also)
    return median(embedding), median(search)


def timed(search: Callable[[Question], object], question: Question) -> float:
    begun = time.perf_counter()
    search(question)
    return time.perf_counter() - begun


def _search(access: Access, organisation: Organisation, question: Question, mode: Mode) -> Found:
    vector = None if mode is Mode.LEXICAL else QuestionVector(organisation.index.id, question.vector)
    with tenant_atomic(access.tenant_id):
        return find_passages(access, question.text, vector, top_k=_PASSAGES, mode=mode)
