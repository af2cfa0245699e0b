"""The platform process's timetable: signed tasks with no tenant, harmless when run twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from celery.app.trace import build_tracer
from django.db import connection, connections
from pytest_django import Settings

from config.celery import app
from tenants.audit.verification import verify_audit
from tenants.celery import ForgedTask
from tenants.jobs.periodic import one_at_a_time
from tenants.models import Revocation, Tenant
from tenants.revocations import announce_revocation
from tenants.tasks import purge_revocations, seal_audit
from tests.environment import Environment

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_on_the_timetable_is_a_task_of_the_platforms() -> None:
    names = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {
        "conversations.archive_ended",
        "conversations.end_idle",
        "conversations.purge",
        "conversations.sweep_archives",
        "documents.sweep_files",
        "retrieval.tend_graphs",
        "tenants.dispatch_jobs",
        "tenants.purge_kept_answers",
        "tenants.purge_revocations",
        "tenants.seal_audit",
    } <= names
    app.loader.import_default_modules()
    assert names <= set(app.tasks)
    assert {name: app.conf.task_routes[name]["queue"] for name in names} == dict.fromkeys(names, "platform")


@pytest.mark.parametrize("task", [seal_audit, purge_revocations])
def test_P7_an_unsigned_message_runs_nothing(acme: Tenant, task: Any) -> None:
    announce_revocation(tenant_id=uuid4())
    trace = build_tracer(task.name, app.tasks[task.name], app=app, eager=True, propagate=True)
    with pytest.raises(ForgedTask):
        trace(str(uuid4()), (), {}, {"id": str(uuid4())})
    [log] = verify_audit([acme])
    assert (log.sealed, Revocation.objects.count()) == (0, 1)


def test_D3_the_task_seals_where_the_owners_address_is_known(
    acme: Tenant, run_environment: Environment, settings: Settings
) -> None:
    settings.DOCENT_OWNER_URL = ""
    assert seal_audit() == 0
    settings.DOCENT_OWNER_URL = run_environment.owner_url
    assert seal_audit() == 2
    assert seal_audit() == 0
    [log] = verify_audit([acme])
    assert (log.sealed, log.unsealed) == (2, 0)


def test_revocations_are_forgotten_after_a_day(admin_connection: psycopg.Connection) -> None:
    for age in ("25 hours", "23 hours", "0 hours"):
        announce_revocation(tenant_id=uuid4())
        admin_connection.execute(
            "UPDATE tenants_revocation SET at = now() - %s::interval WHERE at > now() - interval '1 hour'", [age]
        )
    assert Revocation.objects.count() == 3
    assert purge_revocations() == 1
    assert purge_revocations() == 0
    assert Revocation.objects.count() == 2


def _guarded() -> list[Any]:
    """The platform's tasks but for those that need no lock, or have one for each organisation."""
    app.loader.import_default_modules()
    names = {entry["task"] for entry in app.conf.beat_schedule.values()}
    return [app.tasks[name] for name in sorted(names - {"tenants.dispatch_jobs", "tenants.seal_audit"})]


def test_F37_a_second_timetable_does_nothing_while_the_first_is_at_it(
    acme: Tenant, admin_connection: psycopg.Connection
) -> None:
    announce_revocation(tenant_id=uuid4())
    admin_connection.execute("UPDATE tenants_revocation SET at = now() - interval '2 days'")
    held = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
    free = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
    key = ["periodic tenants.tasks.purge_revocations"]
    admin_connection.execute(held, key)
    assert purge_revocations() == 0
    assert Revocation.objects.count() == 1, "left to whoever is at it"
    admin_connection.execute(free, key)
    assert purge_revocations() == 1


def test_F37_each_periodic_task_lets_go_when_it_is_done(acme: Tenant) -> None:
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    for task in _guarded():
        assert task.run.__wrapped__.__name__ == task.name.rpartition(".")[2], "guarded"
        task.run()
        with connection.cursor() as cursor:
            cursor.execute(locks)
            assert cursor.fetchone() == (0,), task.name


def test_F37_of_two_timetables_at_one_instant_one_does_it() -> None:
    began, may_end, runs = Event(), Event(), []

    @one_at_a_time
    def work() -> int:
        runs.append(1)
        began.set()
        assert may_end.wait(20)
        return 1

    def run() -> int:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run)
        assert began.wait(20)
        assert pool.submit(run).result() == 0
        may_end.set()
        assert first.result() == 1
    assert len(runs) == 1
    assert work() == 1, "and the next time again"
