"""A question waits a while for files of its conversation that are still being read, and says so."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings

from conversations.answering import pipeline
from conversations.answering.evidence import Question, find_evidence
from conversations.answering.pipeline import Outcome
from conversations.events import Event, StageChanged, TextAdded
from conversations.models import Mode
from conversations.tracing import Tracer
from documents.selectors import attached_places, names_being_read
from retrieval.types import Scope
from tenants.db import run_in_tenant

_LOOK_SECONDS = 0.3
_NAMED = 3


async def answer(question: Question, outcome: Outcome) -> AsyncGenerator[Event]:
    """The events of `pipeline.answer`; where a file was not ready in time the text begins with that.

    What is gone on with rests on what its first part was written from: nothing is waited for.
    """
    if question.begun is not None and question.begun.text:
        async with aclosing(pipeline.answer(question, outcome)) as events:
            async for event in events:
                yield event
        return
    unread: list[str] = []
    async with aclosing(_until_read(question, outcome, unread)) as waiting:
        async for stage in waiting:
            yield stage
    question = await _as_far_as_attached(question)
    note = f"*I could not read {listed(unread)} in time: this answer goes without.*\n\n" if unread else ""
    async with aclosing(pipeline.answer(question, outcome)) as events:
        async for event in events:
            if note and isinstance(event, TextAdded):
                if event.offset == 0:
                    yield TextAdded(0, note)
                yield replace(event, offset=event.offset + len(note))
            else:
                yield event


async def _as_far_as_attached(question: Question) -> Question:
    """In an open conversation its files are asked where they know the answer; all else goes to the model alone."""
    attached_to, tenant_id = question.scope.attached_to, question.access.tenant_id
    if question.mode is not Mode.OPEN or attached_to is None:
        return question
    collection, files = await run_in_tenant(tenant_id, attached_places, attached_to)
    if collection is None or not files:
        return question
    asked = replace(
        question,
        mode=Mode.GROUNDED,
        scope=Scope(collections=(collection,), documents=tuple(files), attached_to=attached_to),
    )
    evidence = await find_evidence(asked, Tracer(), settings.DOCENT_MODEL_CONTEXT)
    return asked if evidence.verdict.is_enough else question


async def _until_read(question: Question, outcome: Outcome, unread: list[str]) -> AsyncGenerator[StageChanged]:
    """Tells which files are waited for; those that are not ready when the time is over are in `unread`."""
    attached_to = question.scope.attached_to
    if attached_to is None:
        return
    started = time.perf_counter()
    told: list[str] = []
    outcome.is_reading = True
    while names := await run_in_tenant(question.access.tenant_id, names_being_read, question.access, attached_to):
        if time.perf_counter() - started >= settings.DOCENT_ATTACHMENT_WAIT:
            unread += names
            yield StageChanged("searching", f"{listed(names)} is not read yet: answering without…")
            break
        if names != told:
            told = names
            yield StageChanged("searching", f"Reading {listed(names)}…")
        await asyncio.sleep(_LOOK_SECONDS)
    outcome.is_reading = False
    outcome.timings["attachments"] = round(time.perf_counter() - started, 4)


def listed(names: list[str]) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
