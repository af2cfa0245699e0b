"""Which tenant the running code acts for: the first of the two locks.

A ContextVar, so that it follows a request through threads and tasks and ends with it. Without it the
managers of `tenants.models.base` refuse to build a query: no tenant is an error, never "all rows".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_tenant: ContextVar[UUID | None] = ContextVar("docent_tenant", default=None)
_person: ContextVar[UUID | None] = ContextVar("docent_person", default=None)


class NoActiveTenant(RuntimeError):
    """Tenant-owned data was asked for outside any tenant's context."""


class TenantConflict(RuntimeError):
    """A second tenant's context was opened inside the first one's."""


def find_tenant_id() -> UUID | None:
    """The active tenant, or None."""
    return _tenant.get()


def current_tenant_id() -> UUID:
    """The active tenant; raises `NoActiveTenant`."""
    tenant_id = _tenant.get()
    if tenant_id is None:
        raise NoActiveTenant("Tenant-owned data is reached only inside tenant_context() or tenant_atomic().")
    return tenant_id


def find_person_id() -> UUID | None:
    """The person whose own memberships are being listed, or None. See `tenants.db.person_atomic`."""
    return _person.get()


@contextmanager
def tenant_context(tenant_id: UUID) -> Iterator[None]:
    """Act for one tenant. Nesting the same tenant is fine; nesting another raises `TenantConflict`."""
    active = _tenant.get()
    if active is not None and active != tenant_id:
        raise TenantConflict("A tenant's context cannot be opened inside another tenant's.")
    token = _tenant.set(tenant_id)
    try:
        yield
    finally:
        _tenant.reset(token)


@contextmanager
def person_context(user_id: UUID) -> Iterator[None]:
    """List one person's memberships, across tenants. Only `tenants.db.person_atomic` opens it.

    Inside a tenant's context too: a page of one organisation offers the way to the others.
    """
    token = _person.set(user_id)
    try:
        yield
    finally:
        _person.reset(token)
