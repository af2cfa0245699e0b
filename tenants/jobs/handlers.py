"""Which function does which kind of job. Upper apps register theirs in `AppConfig.ready`."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from tenants.jobs.leases import Lease


@dataclass(frozen=True, slots=True)
class JobHandler:
    """`run(target_id, lease)` does the work outside any transaction, opening its own short units.

    It raises whatever went wrong: that is retried with back-off. `give_up(target_id, code, detail)` runs
    inside the tenant's unit when the attempts are used up, and marks the target for people to see.
    """

    run: Callable[[UUID, Lease], None]
    give_up: Callable[[UUID, str, str], None]


_handlers: dict[str, JobHandler] = {}


def register_job(kind: str, handler: JobHandler) -> None:
    _handlers[kind] = handler


def handler_of(kind: str) -> JobHandler:
    """Raises KeyError for a kind that no installed app registered."""
    return _handlers[kind]
