"""The Celery application: `celery -A config.celery worker`."""

import os
from typing import Any

from celery.signals import worker_process_init
from django.db import connections

from tenants.celery import TenantApp, TenantTask

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

app = TenantApp("docent", task_cls=TenantTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tenants.jobs"])
app.conf.task_routes = {"tenants.dispatch_jobs": {"queue": "platform"}}
app.conf.beat_schedule = {
    "dispatch-jobs": {"task": "tenants.dispatch_jobs", "schedule": 5.0, "options": {"expires": 5}},
}


@worker_process_init.connect  # type: ignore[untyped-decorator]
def open_own_connections(**_kwargs: Any) -> None:
    """A forked child must not share its parent's database connections."""
    for connection in connections.all(initialized_only=True):
        connection.close_pool()  # type: ignore[attr-defined]
