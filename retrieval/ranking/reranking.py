"""A second look at the best passages, by a re-ranking model where the operator has set one up.

It comes between finding and answering and holds no connection meanwhile. Whatever is wrong with the server, the
order stays as it was: nobody is shown an error, the log and the trace of the answer say why.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from django.conf import settings

from providers.errors import ProviderError
from providers.rerank.base import Reranker, RerankRequest
from providers.rerank.http import HttpReranker
from retrieval.metrics import STAGE_SECONDS
from retrieval.types import Found, Hit, Mode, Reranking, Shortlist

logger = logging.getLogger(__name__)

_THREADS = 8
# What waiting for a thread may take beyond the model's own time.
_GRACE_SECONDS = 0.5
# After as many failures in a row nobody waits for the server, until this has passed.
_FAILURES = 3
_PAUSE_SECONDS = 15.0


class _Told(NamedTuple):
    """Scores in the shortlist's order, or why there are none."""

    scores: list[float]
    seconds: float
    failure: str = ""


_PAUSED = _Told([], 0.0, "The re-ranking model failed again and again and is left alone for a moment.")


@dataclass(slots=True)
class _Server:
    """The one that the settings name, its threads, and how it has done of late."""

    reranker: Reranker
    threads: ThreadPoolExecutor
    failures: int = 0
    paused_until: float = 0.0

    @property
    def is_paused(self) -> bool:
        return time.monotonic() < self.paused_until

    def note(self, *, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        self.paused_until = time.monotonic() + _PAUSE_SECONDS if self.failures >= _FAILURES else 0.0


def _server() -> _Server | None:
    if not settings.DOCENT_RERANK_URL:
        return None
    return _server_at(
        settings.DOCENT_RERANK_URL,
        settings.DOCENT_RERANK_API_KEY,
        settings.DOCENT_RERANK_MODEL,
        settings.DOCENT_RERANK_TIMEOUT,
    )


@cache
def _server_at(base_url: str, api_key: str, model: str, timeout: float) -> _Server:
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="rerank")
    return _Server(HttpReranker(base_url, api_key, model, timeout=timeout), threads)


def shortlist_size(mode: Mode, top_k: int) -> int:
    """How many passages a model is to choose `top_k` from; 0 where none does."""
    return max(top_k, settings.DOCENT_RERANK_CANDIDATES) if mode is Mode.HYBRID and _server() else 0


def shortlist_of(hits: Sequence[Hit], titles: Mapping[str, str]) -> Shortlist:
    """What the model is to read of each passage; `titles` says how it may read theirs."""
    return Shortlist(hits=tuple(hits), texts=tuple(f"{titles[hit.title]}\n{hit.text}" for hit in hits))


def reranked(question: str, found: Found) -> Found:
    """The same with its best passages as the model orders them. Takes its time: hold no connection."""
    server, shortlist = _server(), found.shortlist
    if server is None or shortlist is None or not shortlist.hits:
        return found
    told = _PAUSED if server.is_paused else _ask(server, question, shortlist)
    return _settled(found, shortlist, server, told)


async def reranked_aside(question: str, found: Found) -> Found:
    """The same on a thread, so that a server that hangs holds up nobody else."""
    server, shortlist = _server(), found.shortlist
    if server is None or shortlist is None or not shortlist.hits:
        return found
    if server.is_paused:
        return _settled(found, shortlist, server, _PAUSED)
    loop, started = asyncio.get_running_loop(), time.monotonic()
    try:
        async with asyncio.timeout(settings.DOCENT_RERANK_TIMEOUT + _GRACE_SECONDS):
            told = await loop.run_in_executor(server.threads, _ask, server, question, shortlist)
    except TimeoutError:
        server.note(failed=True)
        told = _failed("The re-ranking model did not answer in time.", started)
    return _settled(found, shortlist, server, told)


def _ask(server: _Server, question: str, shortlist: Shortlist) -> _Told:
    started = time.monotonic()
    try:
        scores = server.reranker.rerank(RerankRequest(question, shortlist.texts))
    except ProviderError as error:
        server.note(failed=True)
        return _failed(error.detail, started)
    server.note(failed=False)
    return _Told(scores, time.monotonic() - started)


def _failed(why: str, started: float) -> _Told:
    logger.warning("Passages keep the order in which they were found: %s", why)
    return _Told([], time.monotonic() - started, why)


def _settled(found: Found, shortlist: Shortlist, server: _Server, told: _Told) -> Found:
    STAGE_SECONDS.labels("reranking").observe(told.seconds)
    said = Reranking(
        model=server.reranker.model,
        passages=len(shortlist.hits),
        seconds=round(told.seconds, 4),
        failure=told.failure,
    )
    if told.failure:
        return replace(found, reranking=said)
    order = sorted(range(len(told.scores)), key=lambda place: -told.scores[place])[: len(found.hits)]
    return replace(
        found,
        hits=[replace(shortlist.hits[place], score=told.scores[place]) for place in order],
        reranking=replace(said, places=tuple(place + 1 for place in order)),
    )
