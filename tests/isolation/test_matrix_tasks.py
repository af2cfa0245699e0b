"""Every task and every kind of job, by whom it was signed: nobody, another organisation, the right one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from celery.app.trace import build_tracer
from django.db import connection

from config.celery import app
from tenants.celery import ForgedTask, TenantTask, _signature
from tenants.context import TenantConflict
from tenants.jobs import handlers
from tenants.jobs.models import Job
from tenants.jobs.outbox import RUN_JOB
from tests.isolation.population import fingerprints
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

app.loader.import_default_modules()
TASKS = sorted(name for name in app.tasks if not name.startswith("celery."))
# Kinds that the installed apps registered; tests of the machinery register their own.
KINDS = sorted(kind for kind, one in handlers._handlers.items() if not one.run.__module__.startswith("tests."))


def _run(name: str, arguments: list[str], headers: dict[str, str], *, task_id: str) -> object:
    """Run a message as a worker does; the exception that the task ended with, or None."""
    task = app.tasks[name]
    result = build_tracer(name, task, app=app)(task_id, arguments, {}, {"id": task_id, "task": name, **headers})
    return result[1] and result[1].retval


def _signed(name: str, tenant: UUID | None, arguments: list[str]) -> object:
    task_id, owner = str(uuid4()), str(tenant or "")
    headers = {"docent-tenant": owner, "docent-signature": _signature(name, task_id, owner)}
    return _run(name, arguments, headers, task_id=task_id)


def _job(tenant: UUID, kind: str, target: UUID) -> Job:
    """One that is due, of which no broker has heard."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_job (id, tenant_id, kind, target_id, queue, attempts, run_at, created_at)"
            " VALUES (%s, %s, %s, %s, %s, 0, now(), now()) RETURNING id",
            [uuid4(), tenant, kind, target, handlers.queue_of(kind)],
        )
        [identity] = cursor.fetchone()
    return Job.objects.get(id=identity)


def test_P7_every_task_says_whether_it_has_a_tenant() -> None:
    """What runs a job runs in its tenant's name; everything else is the platform process's alone."""
    assert RUN_JOB in TASKS
    assert [name for name in TASKS if not isinstance(app.tasks[name], TenantTask)] == []
    routed = {name for name, route in app.conf.task_routes.items() if route == {"queue": "platform"}}
    assert set(TASKS) - routed == {RUN_JOB}
    assert KINDS


@pytest.mark.parametrize("name", TASKS)
def test_P7_a_task_that_is_not_signed_is_not_run(
    name: str, alice: Person, charlie: Person, admin_connection: psycopg.Connection[Any]
) -> None:
    acme, globex = (str(person.access.tenant_id) for person in (alice, charlie))
    arguments = [str(_job(alice.access.tenant_id, KINDS[0], uuid4()).id)] if name == RUN_JOB else []
    before = fingerprints(admin_connection)
    task_id = str(uuid4())
    forged = [
        {},
        {"docent-tenant": acme},
        {"docent-tenant": acme, "docent-signature": ""},
        {"docent-tenant": acme, "docent-signature": _signature(name, task_id, globex)},
        {"docent-tenant": acme, "docent-signature": _signature(name, str(uuid4()), acme)},
        {"docent-tenant": acme, "docent-signature": _signature("tenants.other", task_id, acme)},
        {"docent-tenant": "", "docent-signature": _signature(name, task_id, acme)},
    ]
    for headers in forged:
        assert isinstance(_run(name, arguments, headers, task_id=task_id), ForgedTask), headers
    assert fingerprints(admin_connection) == before
    # The positive twin.
    tenant = alice.access.tenant_id if name == RUN_JOB else None
    assert _signed(name, tenant, arguments) is None


@pytest.mark.parametrize("kind", KINDS)
def test_I6_a_job_runs_in_its_own_tenants_name_alone(kind: str, alice: Person, charlie: Person) -> None:
    """Whose job it is, its row says: what is signed for another organisation is refused."""
    acme, globex = alice.access.tenant_id, charlie.access.tenant_id
    job = _job(acme, kind, uuid4())
    assert isinstance(_signed(RUN_JOB, globex, [str(job.id)]), TenantConflict)
    kept = Job.objects.get(id=job.id)
    assert (kept.attempts, kept.lease_id, kept.lease_expires_at) == (0, None, None), "left as it was"
    assert _signed(RUN_JOB, acme, [str(job.id)]) is None
    assert not Job.objects.filter(id=job.id, attempts=1).exists(), "it was tried"
