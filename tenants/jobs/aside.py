"""Jobs that mostly wait for other people's servers: done by threads beside a worker's own work.

They are looked for, not sent: a worker that is busy would not hear of them, and one of its own for them would be
one more process that holds everything in memory and does nothing.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.conf import settings
from django.db import Error, connections

from tenants.jobs.handlers import Queue
from tenants.jobs.outbox import choose
from tenants.jobs.runner import run_job

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_CALM_SECONDS = 10.0


def start_aside() -> Callable[[], None]:
    """Do such jobs from now on, until what is returned is called; what is under way then goes on."""
    is_over = threading.Event()
    threading.Thread(target=_look, args=[is_over], name="aside", daemon=True).start()
    return is_over.set


def _look(is_over: threading.Event) -> None:
    places: int = settings.DOCENT_SENDERS
    threads = ThreadPoolExecutor(places, thread_name_prefix="aside")
    pause = _LOOK_SECONDS
    while not is_over.wait(pause):
        chosen: list[tuple[UUID, UUID]] = []
        pause = _LOOK_SECONDS
        try:
            # Half of the places: whoever has slow ones leaves room for others.
            chosen = choose(Queue.SEND, places, share=(places + 1) // 2)
        except Error:
            logger.warning("The database cannot be asked for jobs that are done aside; trying again.")
            pause = _CALM_SECONDS
        finally:
            connections.close_all()
        for job_id, _ in chosen:
            threads.submit(_run, job_id)
    threads.shutdown(wait=False)


def _run(job_id: UUID) -> None:
    try:
        run_job(job_id)
    except Exception:
        # Its lease ends, and then it is done anew.
        logger.exception("job %s was left", job_id)
    finally:
        connections.close_all()
