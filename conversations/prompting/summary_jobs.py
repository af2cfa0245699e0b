"""The job that summarises a conversation's older turns, in the background: no answer waits for it.

The first answer that it has not seen sets it off, a little later; those that follow do not put it off again, so
that a lively conversation is summarised too. It goes along the branch of the latest answer, a few turns at a time,
and adds to the summary that goes furthest along it and rests on nothing that its author sees no more; without one
it begins anew, and leaves out the answers out of sight. What a person wrote stays as it is: only what comes after
it is summarised. Running it twice changes nothing. While the model talks it gives its worker up to whatever else
waits for one: no upload waits for a summary.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from conversations.chat_models import Choice, chooser
from conversations.chat_models.admission import turn_aside
from conversations.models import Conversation, MemoryKind, Message, Role, Summary
from conversations.prompting.summary_writing import AWAY, Written, fitting, summarise
from conversations.selectors.branches import end_of
from conversations.selectors.history import steps_before
from conversations.selectors.memory import UNTOLD, as_told, hidden_answers, tellable_summary, turns_of
from conversations.valkey import close_valkey
from documents.masking import Masker
from documents.selectors import masking_rules
from providers.chat.base import ChatMessage
from providers.errors import ProviderError
from tenants.access import Access, access_in_absence
from tenants.database.prepared_queries import Prepared
from tenants.db import run_unit, tenant_atomic
from tenants.errors import QuotaExceeded
from tenants.jobs import leases, outbox
from tenants.jobs.handlers import JobHandler, register_job
from tenants.jobs.leases import Lease, TurnOver
from tenants.limits.quotas import require_quotas
from tenants.limits.usage import Spender, count_tokens
from tenants.models import QuotaKind
from tenants.permissions import Action

SUMMARISE = "conversations.summarise"

# Of one branch: as many as a conversation has that began long ago and is summarised only now.
_MOST_STEPS = 10_000
_TURNS_AT_ONCE = 20
_PATTERN_SECONDS = 0.5
# How often it looks whether an upload waits, and how long that has waited when it gives way.
_LOOK_SECONDS = 1.0


def register() -> None:
    """Called by `AppConfig.ready`."""
    register_job(SUMMARISE, JobHandler(summarise_conversation, _leave))


def summarise_soon(conversation_id: UUID) -> None:
    """Have the older turns summarised in a moment, if the conversation wants that; inside the caller's unit."""
    if _summarised.rows(conversation=conversation_id):
        outbox.ensure(SUMMARISE, conversation_id, delay_seconds=settings.DOCENT_SUMMARY_DELAY)


_summarised = Prepared(
    lambda conversation: Conversation.objects.filter(id=conversation, memory=MemoryKind.SUMMARY).values_list("id")
)


def _leave(target_id: UUID, code: str, detail: str) -> None:
    """The turns are told as far as they fit, and the next answer starts a job anew."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Turns to add to a summary, oldest first, masked; `ids` are theirs, `based_on` the answers among them."""

    summary: Summary | None
    turns: Sequence[ChatMessage]
    ids: Sequence[UUID]
    answers: frozenset[UUID]


def summarise_conversation(conversation_id: UUID, lease: Lease) -> None:
    with tenant_atomic(lease.tenant_id):
        conversation = Conversation.objects.filter(id=conversation_id).first()
    if conversation is None or conversation.memory != MemoryKind.SUMMARY:
        return
    access = access_in_absence(lease.tenant_id, conversation.author_id, Action.CHAT)
    if access.user_id != conversation.author_id:
        return
    while (work := _next(access, conversation)) is not None:
        _add(access, conversation, work, lease)
        lease.check()
        if leases.others_wait(lease, own_too=True):
            raise TurnOver


def _next(access: Access, conversation: Conversation) -> _Work | None:
    """The next turns that no summary has and that will not be told whole; None where few are left."""
    with tenant_atomic(access.tenant_id):
        steps = steps_before(end_of(conversation), most=_MOST_STEPS)
        hidden = hidden_answers(access, conversation.id)
        summary = tellable_summary(conversation.id, steps, hidden)
        places = {step.id: place for place, step in enumerate(steps)}
        covered = len(steps) if summary is None else places[summary.until_id]
        whole = 2 * turns_of(conversation)
        if covered - whole < _worth_it(conversation):
            return None
        ids = [step.id for step in reversed(steps[whole:covered])][: 2 * _TURNS_AT_ONCE]
        found = Message.objects.filter(id__in=ids).exclude(status__in=UNTOLD).exclude(content="").in_bulk()
        masker = Masker(masking_rules(), seconds=_PATTERN_SECONDS)
    told = [found[one] for one in ids if one in found and one not in hidden]
    turns = [as_told(turn) for turn in told]
    masked = [ChatMessage(role=turn.role, content=masker.hide(turn.content)) for turn in turns]
    rests_on = frozenset(turn.id for turn in told if turn.role == Role.ASSISTANT)
    return _Work(summary, masked, [turn.id for turn in told] or ids, rests_on)


def _worth_it(conversation: Conversation) -> int:
    """Messages beyond those told whole from which on they are summarised: not each one by itself."""
    return 2 * max(1, turns_of(conversation) // 2)


def _add(access: Access, conversation: Conversation, work: _Work, lease: Lease) -> None:
    written, count = asyncio.run(_giving_way(lease, _write(access.tenant_id, work, may_spend=_may_spend(access))))
    until = work.ids[count - 1] if count else work.ids[-1]
    based_on = [str(one) for one in work.ids[:count] if one in work.answers]
    with tenant_atomic(access.tenant_id):
        summary = work.summary
        if not _is_as_it_was(conversation, summary, until):
            return
        if written.model:
            spent = {"prompt_tokens": written.prompt_tokens, "completion_tokens": written.completion_tokens}
            count_tokens(Spender(access.user_id), model=written.model, **spent)
        Summary.objects.create(
            conversation=conversation,
            until_id=until,
            edited=summary.edited if summary else "",
            # Without any words it would be one that was removed.
            text=written.text or ("" if summary and summary.edited else "…"),
            model=written.model,
            based_on=[*([str(summary.id)] if summary else []), *based_on],
        )


def _is_as_it_was(conversation: Conversation, summary: Summary | None, until: UUID) -> bool:
    """Whether nobody deleted or edited anything meanwhile; held until the unit ends."""
    if not Conversation.objects.select_for_update(no_key=True).filter(id=conversation.id).exists():
        return False
    if not Message.objects.filter(id=until).exists():
        return False
    if summary is None:
        return True
    same = Summary.objects.filter(id=summary.id, edited=summary.edited, text=summary.text)
    return bool(same.exists())


def _may_spend(access: Access) -> bool:
    """Whether the author has tokens left; without any, rules cost none."""
    try:
        with tenant_atomic(access.tenant_id):
            require_quotas(access, dict.fromkeys((QuotaKind.TOKENS_DAY, QuotaKind.TOKENS_MONTH), 1))
    except QuotaExceeded:
        return False
    return True


async def _giving_way(lease: Lease, writing: Coroutine[Any, Any, tuple[Written, int]]) -> tuple[Written, int]:
    """What is written, unless other work waits for this worker meanwhile: a model may talk for a minute.

    Then the model is stopped and the turn is over; what it has said so far is lost.
    """
    task = asyncio.create_task(writing)
    while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
        if await run_unit(lambda: leases.holds_up(lease, seconds=_LOOK_SECONDS)):
            task.cancel()
            await asyncio.wait({task})
            raise TurnOver(delay_seconds=settings.DOCENT_SUMMARY_DELAY)
    return task.result()


async def _write(tenant_id: UUID, work: _Work, *, may_spend: bool) -> tuple[Written, int]:
    """The summary, and how many of the turns it is of."""
    before = work.summary.text if work.summary else ""
    if not work.turns:
        return Written(before), 0
    try:
        choice = await _model(tenant_id) if may_spend else None
        count = fitting(choice, before, work.turns)
        if choice is None:
            return await summarise(None, before, work.turns), count
        async with turn_aside(tenant_id, choice):
            return await summarise(choice, before, work.turns[:count]), count
    except ProviderError as error:
        if error.code in AWAY:
            raise TurnOver(delay_seconds=settings.DOCENT_JOB_LEASE_SECONDS) from error
        raise
    finally:
        # Each summary has an event loop of its own.
        await close_valkey()


async def _model(tenant_id: UUID) -> Choice | None:
    """The one that answers, if there is one."""
    choice = await chooser().choose(tenant_id)
    return choice if choice.is_model else None
