"""Units of database work in one tenant's name: the second lock, at run time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.apps.registry import Apps
from django.conf import settings
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tenants.context import person_context, tenant_context
from tenants.database.answered_connections import is_away

T = TypeVar("T")


def _set_local(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


@contextmanager
def tenant_atomic(tenant_id: UUID) -> Iterator[None]:
    """One transaction in one tenant's name.

    The setting is transaction-local, so it cannot outlive the transaction on a pooled connection.
    Raises `TenantConflict` inside another tenant's context.
    """
    with tenant_context(tenant_id), transaction.atomic():
        _set_local("app.tenant_id", str(tenant_id))
        yield


@contextmanager
def person_atomic(user_id: UUID) -> Iterator[None]:
    """One transaction that may read one person's own memberships, in every tenant, and nothing else."""
    with person_context(user_id), transaction.atomic():
        _set_local("app.user_id", str(user_id))
        try:
            yield
        finally:
            # A surrounding transaction goes on after this one; it must not keep the person's sight.
            if not connection.needs_rollback:
                _set_local("app.user_id", "")


@cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.DOCENT_UNIT_THREADS, thread_name_prefix="tenant-unit")


def give_back() -> None:
    """Give this thread's connections back to the pool, but for one whose transaction is open.

    A request's thread waits while units work for it, and until its answer is sent. As many requests as the pool
    has connections, each keeping one meanwhile, would leave none for any unit.
    """
    for one in connections.all(initialized_only=True):
        if not one.in_atomic_block:
            one.close()


async def run_unit(fn: Callable[[], T]) -> T:
    """Run a synchronous function on the bounded executor and give its connection back afterwards."""

    def unit() -> T:
        # Else each that waits for its turn here would wait for a connection too, one after the other.
        if is_away():
            raise OperationalError("the database server does not answer")
        try:
            return fn()
        finally:
            connections.close_all()

    # Not a bare `run_in_executor`: what Django keeps in asgiref's Locals (the request's URL configuration,
    # its language) follows only asgiref from thread to thread.
    return await sync_to_async(unit, thread_sensitive=False, executor=_executor())()


async def run_in_tenant(tenant_id: UUID, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Asynchronous code's only way to tenant data: `fn` in its own `tenant_atomic()`, on a thread.

    `fn` returns values, never querysets: by the time they are read the transaction is over.
    """

    def unit() -> T:
        with tenant_atomic(tenant_id):
            return fn(*args, **kwargs)

    return await run_unit(unit)


def for_each_tenant(apps: Apps, schema_editor: BaseDatabaseSchemaEditor, fn: Callable[[Apps, UUID], None]) -> None:
    """Run a data migration's step once in every tenant's context.

    FORCE ROW LEVEL SECURITY binds the owner too: without a context an UPDATE changes 0 rows, silently.
    """
    tenant_ids = list(apps.get_model("tenants", "Tenant").objects.values_list("id", flat=True))
    for tenant_id in tenant_ids:
        with tenant_context(tenant_id):
            with schema_editor.connection.cursor() as cursor:
                cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
            fn(apps, tenant_id)
