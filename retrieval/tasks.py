"""What the platform process does for searches from time to time, signed with no tenant."""

import logging
from functools import cache
from threading import Lock, Thread

from celery import shared_task
from django.conf import settings
from django.db import connections

from documents import hnsw_graphs
from retrieval.graph_recall import measure_graphs
from tenants.jobs.periodic import one_at_a_time

logger = logging.getLogger(__name__)

_at_work = Lock()


@shared_task(name="retrieval.tend_graphs")  # type: ignore[untyped-decorator]
@one_at_a_time
def tend_graphs() -> int:
    """Begin to build, measure and drop graphs, beside everything else that this process does; 0 if it is at it.

    Building takes minutes. What else is on the timetable, the sending of jobs first of all, does not wait for it.
    """
    if not settings.DOCENT_OWNER_URL:
        _complain()
        return 0
    if not _at_work.acquire(blocking=False):
        return 0
    Thread(target=_tend, name="graphs", daemon=True).start()
    return 1


def _tend() -> None:
    try:
        measure_graphs(hnsw_graphs.tend_graphs(settings.DOCENT_OWNER_URL))
    except Exception:
        logger.exception("Graphs were not tended; it is tried again")
    finally:
        connections.close_all()
        _at_work.release()


@cache
def _complain() -> None:
    """Once in the process's life, not every minute."""
    logger.error("Large organisations are searched slowly: the platform process has no DATABASE_OWNER_URL.")
