"""A task's tenant is signed: what others put into the broker, or change in it, is not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest
from celery import Celery
from celery.app.trace import build_tracer
from django.conf import settings

from tenants.celery import ForgedTask, TenantApp, TenantTask
from tenants.context import find_tenant_id, tenant_context
from tenants.jobs.models import Job
from tenants.jobs.outbox import RUN_JOB
from tests.config.polling import wait_for
from tests.documents.pdfs import text_pdf
from tests.factories import ready
from tests.people import Person
from tests.processes import Running

TENANT, OTHER = uuid4(), uuid4()
seen: list[UUID | None] = []


@pytest.fixture
def app() -> Iterator[TenantApp]:
    """An application of its own, whose broker is memory."""
    with TenantApp("signed", task_cls=TenantTask, broker="memory://", set_as_current=False) as app:
        app.conf.task_default_queue = f"signed-{uuid4()}"
        seen.clear()
        yield app


@pytest.fixture
def note(app: TenantApp) -> Any:
    """A task that notes in whose context it runs."""

    @app.task(name="note", shared=False)  # type: ignore[untyped-decorator]
    def note() -> None:
        seen.append(find_tenant_id())

    @app.task(name="delete", shared=False)  # type: ignore[untyped-decorator]
    def delete() -> None:
        seen.append(find_tenant_id())

    app.finalize()
    return note


def _message(app: TenantApp) -> dict[str, Any]:
    """The headers of the message that waits in the broker."""
    with app.connection_for_read() as broker:
        message = broker.SimpleQueue(app.conf.task_default_queue).get(timeout=5)
        return dict(message.headers)


def _run(app: TenantApp, headers: dict[str, Any]) -> object:
    """Run a message as a worker does; the exception that the task ended with, or None."""
    task = app.tasks[headers["task"]]
    result = build_tracer(task.name, task, app=app)(headers["id"], [], {}, headers)
    return result[1] and result[1].retval


def test_I6_a_signed_task_runs_in_its_tenants_context(app: TenantApp, note: Any) -> None:
    with tenant_context(TENANT):
        note.delay()
    assert _run(app, _message(app)) is None
    app.send_task("note", tenant_id=OTHER)
    assert _run(app, _message(app)) is None
    note.delay()
    assert _run(app, _message(app)) is None
    assert seen == [TENANT, OTHER, None]
    assert find_tenant_id() is None


@pytest.mark.parametrize(
    "forge",
    [
        lambda headers: headers | {"docent-tenant": str(OTHER)},
        lambda headers: headers | {"docent-tenant": ""},
        lambda headers: headers | {"docent-signature": "0" * 64},
        lambda headers: headers | {"docent-signature": ""},
        lambda headers: headers | {"docent-signature": None},
        lambda headers: {name: value for name, value in headers.items() if name != "docent-signature"},
        lambda headers: {name: value for name, value in headers.items() if name != "docent-tenant"},
        lambda headers: headers | {"id": str(uuid4())},
        lambda headers: headers | {"task": "delete"},
    ],
    ids=[
        "another tenant",
        "no tenant",
        "another signature",
        "an empty signature",
        "a null signature",
        "no signature",
        "no header",
        "a signature used twice",
        "another task",
    ],
)
def test_I6_an_altered_message_is_refused(
    app: TenantApp, note: Any, forge: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    with tenant_context(TENANT):
        note.delay()
    assert isinstance(_run(app, forge(_message(app))), ForgedTask)
    assert seen == []


def test_a_task_called_as_a_function_is_a_function(note: Any) -> None:
    with tenant_context(TENANT):
        note()
    assert seen == [TENANT]


@pytest.mark.django_db(transaction=True)
def test_I6_a_worker_refuses_what_a_stranger_puts_into_the_broker(
    alice: Person, worker: Running, owner_connection: psycopg.Connection
) -> None:
    job = uuid4()
    owner_connection.execute(
        "INSERT INTO tenants_job (id, tenant_id, kind, target_id, queue, attempts, run_at, created_at)"
        " VALUES (%s, %s, 'documents.ingest', %s, 'work', 0, now(), now())",
        [job, alice.access.tenant_id, uuid4()],
    )
    with Celery("stranger", broker=settings.CELERY_BROKER_URL, set_as_current=False) as stranger:
        stranger.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        forged = stranger.send_task(
            RUN_JOB, args=[str(job)], queue="work", headers={"docent-tenant": str(alice.access.tenant_id)}
        )
    wait_for("the worker has refused it", lambda: f"{RUN_JOB}[{forged.id}] raised" in worker.log.read_text())
    assert "ForgedTask" in worker.log.read_text()
    assert Job.objects.values_list("attempts", "lease_id").get(id=job) == (0, None)


@pytest.mark.django_db(transaction=True)
def test_a_worker_keeps_its_connections_and_replaces_those_that_have_ended(
    alice: Person, worker: Running, admin_connection: psycopg.Connection
) -> None:
    ready(alice)
    [child] = psutil.Process(worker.process.pid).children()
    ports = [one.laddr.port for one in child.net_connections("tcp") if one.raddr]
    ended = admin_connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = ANY(%s)", [ports]
    ).fetchall()
    assert ended, "none was kept when the document was done"
    ready(alice, "after.pdf", text_pdf((("After", "Read by the same worker."),), title="After"))
