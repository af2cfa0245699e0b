"""Everything that can be looked at on a live installation, and in what numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from django.db import connection

from tenants.constraints import APP_ROLE
from tenants.isolation.canary import canary_faults, tables_seen_without_context
from tenants.isolation.catalog import CHECKS, catalog_sizes, tenant_models
from tenants.models import Tenant

# What the application's role cannot see, or what no policy binds: for the operator to look after.
NOT_CHECKED = (
    "pg_hba.conf and the server's own settings: who may connect, and how (needs a superuser)",
    "the roles' passwords, and who knows them",
    "what superusers and docent_ops read: policies do not bind them",
    "copies of the data outside this database: files, Valkey, backups",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how many of them there were, and each fault as a sentence."""

    subject: str
    count: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    role: str
    findings: tuple[Finding, ...]
    # Roles that row-level security does not bind. Not a fault: a server has superusers.
    unbound_roles: tuple[str, ...]
    not_checked: tuple[str, ...] = NOT_CHECKED

    @property
    def faults(self) -> tuple[str, ...]:
        return tuple(fault for finding in self.findings for fault in finding.faults)


def inspect_walls() -> Inspection:
    """Hold roles, catalog and canaries against what they must be. Reads only, as the role of this process."""
    connection.ensure_connection()
    raw = cast("psycopg.Connection[Any]", connection.connection)
    sizes = catalog_sizes(raw)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        [role] = cursor.fetchone()
        cursor.execute("SELECT rolname::text FROM pg_roles WHERE rolsuper OR rolbypassrls ORDER BY rolname")
        unbound = tuple(name for (name,) in cursor.fetchall())
    tenant_ids = list(Tenant.objects.order_by("id").values_list("id", flat=True))
    tables = sorted(tenant_models())
    seen = tables_seen_without_context(tables)
    findings = [
        _finding("this process's role", 1, [] if role == APP_ROLE else [f"this process connects as {role}"]),
        *(_finding(subject, sizes[subject], check(raw)) for subject, check in CHECKS.items()),
        _finding("tables without context", len(tables), (f"{one} shows rows without any context" for one in seen)),
        _finding("canaries", len(tenant_ids), canary_faults(tenant_ids)),
    ]
    return Inspection(role, tuple(findings), unbound)


def _finding(subject: str, count: int, faults: Iterable[str]) -> Finding:
    return Finding(subject, count, tuple(faults))
