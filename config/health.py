"""Is the process alive, and can it serve? The public hears yes or no, an organisation's admin hears why."""

import logging
import os
import time
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.probes import Probe, missing_migrations, valkey_answers
from conversations.chat_models import chooser, own_models
from conversations.replies import runner
from tenants.access import Access, access_by_token, bearer_of
from tenants.audit.chain import last_sealing
from tenants.database.answered_connections import is_away
from tenants.db import tenant_atomic
from tenants.errors import DocentError
from tenants.isolation import canary_alarm
from tenants.models import Job
from tenants.permissions import Action

__all__ = ["live", "ready"]

logger = logging.getLogger(__name__)

_OK = "ok"
_PATIENCE = 60  # seconds after which silence, or a job that nobody takes, is worth a word


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when database and Valkey answer, the schema is this release's and the walls between tenants stand.

    Else 503, as while the process goes down; within a second, whatever hangs. The public is told no more than
    that; a bearer token with the scope `admin` gets each part's word.
    """
    parts = {"process": "going down" if runner.is_closing() else _OK, "valkey": _valkey(), **_seen()}
    is_ready = all(word == _OK for word in parts.values())
    status = 200 if is_ready else 503
    access = _admin(request) if parts["database"] == _OK else None
    if access is not None:
        parts |= {"storage": _storage(), "platform": _platform(), "worker": _worker(), "model": _model(access)}
        return JsonResponse({"status": _OK if is_ready else "unavailable", "parts": parts}, status=status)
    return HttpResponse(_OK if is_ready else "unavailable", status=status, content_type="text/plain")


def _seen() -> dict[str, str]:
    """What the database says of itself."""
    if not is_away():
        try:
            return _database.ask()
        except (DatabaseError, InterfaceError, TimeoutError):
            pass
    return {"database": "unreachable", "schema": "unknown", "canary": "unknown"}


def _look() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    schema = "migrations are missing" if missing_migrations() else _OK
    # Whose tables are not there yet cannot be asked of them.
    return {"database": _OK, "schema": schema, "canary": _canary() if schema == _OK else "unknown"}


_database = Probe(_look)
_valkey_probe = Probe(valkey_answers)


def _valkey() -> str:
    try:
        return _OK if _valkey_probe.ask() else "unreachable"
    except TimeoutError:
        return "unreachable"


def _canary() -> str:
    """Whether row-level security holds on this very connection; the log says what was seen."""
    try:
        alarm = canary_alarm()
    except DatabaseError:
        return "unknown"
    if alarm is not None:
        logger.critical("The walls between organisations do not stand: %s", alarm)
        return "seen where it must not be"
    return _OK


def _storage() -> str:
    """Whether it takes files is seen when it does; that it answers, and that this process has a state folder."""
    try:
        default_storage.exists("health")
    except OSError:
        return "unreachable"
    return _OK if os.access(settings.DOCENT_DATA, os.W_OK) else "not writable"


def _platform() -> str:
    """The platform process leaves a mark each time it has sealed the audit log."""
    sealing = last_sealing()
    return _OK if sealing is not None and time.time() - sealing < _PATIENCE else "silent"


def _worker() -> str:
    waiting = Job.objects.filter(
        dead_at=None, lease_expires_at=None, run_at__lt=Now() - timedelta(seconds=_PATIENCE)
    )
    return "behind" if waiting.exists() else _OK


def _model(access: Access) -> str:
    """What would answer this organisation, or what is wrong. No word of it makes the process unhealthy."""
    try:
        with tenant_atomic(access.tenant_id):
            own = own_models()
    except DatabaseError:
        return "unknown"
    return async_to_sync(chooser().name)(own)


def _admin(request: HttpRequest) -> Access | None:
    try:
        bearer = bearer_of(request.headers.get("Authorization"))
        access = None if bearer is None else access_by_token(bearer)
    except (DocentError, DatabaseError):
        return None
    return access if access is not None and access.allows(Action.MANAGE_TENANT) else None
