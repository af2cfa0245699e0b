"""The platform process's timetable: signed tasks with no tenant, harmless when run twice."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from celery.app.trace import build_tracer
from pytest_django import Settings

from config.celery import app
from tenants.celery import ForgedTask
from tenants.models import Revocation, Tenant
from tenants.revocations import announce_revocation
from tenants.tasks import purge_revocations, seal_audit
from tenants.verification import verify_audit
from tests.environment import Environment

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_on_the_timetable_is_a_task_of_the_platforms() -> None:
    names = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"tenants.dispatch_jobs", "tenants.purge_revocations", "tenants.seal_audit"} <= names
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
