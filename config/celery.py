"""The Celery application: `celery -A config.celery worker`."""

import logging
import os
import signal
from typing import Any

from celery.signals import beat_embedded_init, worker_init, worker_process_init, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

# Settings say where processes share their numbers, and are read before anything that counts is imported.
_NUMBERS = settings.DOCENT_METRICS_FOLDER

from config.observing import be_seen  # noqa: E402
from config.processes import die_with_parent  # noqa: E402
from tenants.celery import TenantApp, TenantTask  # noqa: E402
from tenants.jobs.aside import start_aside  # noqa: E402

logger = logging.getLogger(__name__)

# The process that Celery forks its own children from.
_WORKER = os.getpid()

app = TenantApp("docent", task_cls=TenantTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["conversations", "documents", "retrieval", "tenants", "tenants.jobs"])
app.conf.task_routes = {
    "conversations.archive_ended": {"queue": "platform"},
    "conversations.end_idle": {"queue": "platform"},
    "conversations.purge": {"queue": "platform"},
    "conversations.purge_past": {"queue": "platform"},
    "conversations.sweep_archives": {"queue": "platform"},
    "documents.fetch_due_sources": {"queue": "platform"},
    "documents.drop_old_indexes": {"queue": "platform"},
    "documents.sweep_files": {"queue": "platform"},
    "retrieval.tend_graphs": {"queue": "platform"},
    "tenants.count_totals": {"queue": "platform"},
    "tenants.dispatch_jobs": {"queue": "platform"},
    "tenants.finish_erasures": {"queue": "platform"},
    "tenants.purge_deliveries": {"queue": "platform"},
    "tenants.purge_exports": {"queue": "platform"},
    "tenants.purge_kept_answers": {"queue": "platform"},
    "tenants.purge_revocations": {"queue": "platform"},
    "tenants.seal_audit": {"queue": "platform"},
    "tenants.wake_webhooks": {"queue": "platform"},
}
app.conf.beat_schedule = {
    "archive-ended": {"task": "conversations.archive_ended", "schedule": 300.0, "options": {"expires": 300}},
    "count-totals": {"task": "tenants.count_totals", "schedule": 300.0, "options": {"expires": 300}},
    "dispatch-jobs": {"task": "tenants.dispatch_jobs", "schedule": 5.0, "options": {"expires": 5}},
    "drop-old-indexes": {"task": "documents.drop_old_indexes", "schedule": 3600.0, "options": {"expires": 3600}},
    "end-idle": {"task": "conversations.end_idle", "schedule": 60.0, "options": {"expires": 60}},
    "fetch-due-sources": {"task": "documents.fetch_due_sources", "schedule": 60.0, "options": {"expires": 60}},
    "finish-erasures": {"task": "tenants.finish_erasures", "schedule": 30.0, "options": {"expires": 30}},
    "purge-conversations": {"task": "conversations.purge", "schedule": 3600.0, "options": {"expires": 3600}},
    "purge-deliveries": {"task": "tenants.purge_deliveries", "schedule": 3600.0, "options": {"expires": 3600}},
    "purge-exports": {"task": "tenants.purge_exports", "schedule": 3600.0, "options": {"expires": 3600}},
    "purge-past": {"task": "conversations.purge_past", "schedule": 60.0, "options": {"expires": 60}},
    "purge-revocations": {"task": "tenants.purge_revocations", "schedule": 3600.0, "options": {"expires": 3600}},
    "purge-kept-answers": {"task": "tenants.purge_kept_answers", "schedule": 3600.0, "options": {"expires": 3600}},
    "sweep-archives": {
        "task": "conversations.sweep_archives",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "sweep-files": {"task": "documents.sweep_files", "schedule": 3600.0, "options": {"expires": 3600}},
    "tend-graphs": {"task": "retrieval.tend_graphs", "schedule": 60.0, "options": {"expires": 60}},
    "seal-audit": {"task": "tenants.seal_audit", "schedule": 10.0, "options": {"expires": 10}},
    "wake-webhooks": {"task": "tenants.wake_webhooks", "schedule": 300.0, "options": {"expires": 300}},
}


@beat_embedded_init.connect  # type: ignore[untyped-decorator]
@worker_process_init.connect  # type: ignore[untyped-decorator]
def end_with_parent(**_kwargs: Any) -> None:
    """Celery's own children would outlive a worker that is killed."""
    if os.getpid() != _WORKER:  # a solo pool is the worker itself
        die_with_parent(signal.SIGKILL, _WORKER)


@worker_init.connect  # type: ignore[untyped-decorator]
def require_sound_role(**_kwargs: Any) -> None:
    """As a web process does: no start with a database role that could pass the walls."""
    try:
        # It knows models, which can be imported only now.
        faults = import_string("tenants.checks.role_faults")()
    except DatabaseError:
        logger.warning("The database is away: its role is not looked at.")
        return
    finally:
        # Children are forked next: a pool would come along with its threads half alive.
        connections["default"].close()
        connections["default"].close_pool()  # type: ignore[attr-defined]
    if faults:
        # Celery goes on after an exception that is an error.
        raise SystemExit(f"The database role {' and '.join(faults)}: Docent does not start with it.")


@worker_ready.connect  # type: ignore[untyped-decorator]
def send_webhooks(**_kwargs: Any) -> None:
    """In a process that starts no others: what is forked beside threads may wait for a lock for ever."""
    if settings.DOCENT_SENDS_WEBHOOKS:
        stop = start_aside()
        worker_shutting_down.connect(lambda **_kwargs: stop(), weak=False)


@worker_ready.connect  # type: ignore[untyped-decorator]
def be_seen_here(sender: Any = None, **_kwargs: Any) -> None:
    """Where it works itself. The children of a pool do it themselves, and are not forked beside a thread."""
    if type(sender.pool).__module__.endswith("solo"):
        be_seen()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def be_seen_in_child(**_kwargs: Any) -> None:
    if os.getpid() != _WORKER:
        be_seen()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def open_own_connections(**_kwargs: Any) -> None:
    """A forked child must not share its parent's database connections."""
    for connection in connections.all(initialized_only=True):
        connection.close_pool()  # type: ignore[attr-defined]
