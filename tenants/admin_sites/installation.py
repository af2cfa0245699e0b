"""How the installation's parts are, for the operator: numbers of all organisations together, no content."""

import time
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from tenants.models import TenantTotals

# Work that waits longer than this, and totals older than this, mean that nobody does it.
_PATIENCE_SECONDS = 120
_TOTALS_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the installation, whether it is well, and the figure that says so."""

    name: str
    is_well: bool
    detail: str


def parts_of_installation() -> list[Part]:
    """Asks the database and Valkey; seconds and milliseconds are the database's and the monotonic clock's."""
    return [_database(), _valkey(), _work(), _dead_letters(), _totals()]


def _database() -> Part:
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    return Part(_("Database"), is_well=True, detail=f"PostgreSQL {version}, {_milliseconds_since(started)}")


def _valkey() -> Part:
    started = time.monotonic()
    try:
        cache.get("health")
    except (RedisError, OSError):
        return Part(_("Valkey"), is_well=False, detail=_("does not answer"))
    return Part(_("Valkey"), is_well=True, detail=_milliseconds_since(started))


def _milliseconds_since(started: float) -> str:
    return f"{(time.monotonic() - started) * 1000:.1f} ms"


def _work() -> Part:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), coalesce(extract(epoch FROM max(now() - run_at)), 0)
            FROM tenants_job
            WHERE dead_at IS NULL AND run_at <= now() AND (lease_expires_at IS NULL OR lease_expires_at < now())
            """
        )
        count, oldest = cursor.fetchone()
    waiting = ngettext("%d job waits", "%d jobs wait", count) % count
    detail = _("%(waiting)s, the oldest for %(seconds)d s") % {"waiting": waiting, "seconds": oldest}
    return Part(_("Work"), is_well=oldest < _PATIENCE_SECONDS, detail=detail if count else _("nothing waits"))


def _dead_letters() -> Part:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT tenant_id) FROM tenants_job WHERE dead_at IS NOT NULL")
        count, tenants = cursor.fetchone()
    detail = _("%(count)d, of %(tenants)d organisations") % {"count": count, "tenants": tenants}
    return Part(_("Jobs that failed for good"), is_well=not count, detail=detail)


def _totals() -> Part:
    """They are counted by the platform process, so that old ones tell of its death."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT extract(epoch FROM now() - max(counted_at)) FROM {TenantTotals._meta.db_table}")  # noqa: S608
        age = cursor.fetchone()[0]
    detail = _("never counted") if age is None else _("counted %d s ago") % age
    return Part(_("Totals"), is_well=age is not None and age < _TOTALS_SECONDS, detail=detail)
