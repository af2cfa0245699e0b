"""Which function does which kind of job. Upper apps register theirs in `AppConfig.ready`."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tenants.jobs.leases import Lease


class Queue(StrEnum):
    """The kinds of worker: what mostly waits or starts other programs, what keeps a model in memory, and
    threads that wait for other people's servers (`tenants.jobs.aside`)."""

    WORK = "work"
    EMBED = "embed"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class JobHandler:
    """`run(target_id, lease)` does the work outside any transaction, opening its own short units.

    It raises whatever went wrong: that is retried with back-off. `give_up(target_id, code, detail)` runs
    inside the tenant's unit when the attempts are used up, and marks the target for people to see.
    `queue` says which workers do it.
    """

    run: Callable[[UUID, Lease], None]
    give_up: Callable[[UUID, str, str], None]
    queue: Queue = Queue.WORK


_handlers: dict[str, JobHandler] = {}


def register_job(kind: str, handler: JobHandler) -> None:
    _handlers[kind] = handler


def handler_of(kind: str) -> JobHandler:
    """Raises KeyError for a kind that no installed app registered."""
    return _handlers[kind]


def queue_of(kind: str) -> Queue:
    """Where jobs of a kind are sent; one that nobody registered waits where most are done."""
    handler = _handlers.get(kind)
    return Queue.WORK if handler is None else handler.queue
