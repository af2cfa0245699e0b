"""Celery tasks carry their tenant in a signed header, checked again when they start."""

import hashlib
import hmac
from collections.abc import Callable
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from celery import Celery, Task
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup
from django.conf import settings
from django.db import connections

from tenants.context import find_tenant_id, tenant_context

_TENANT = "docent-tenant"
_SIGNATURE = "docent-signature"


class ForgedTask(Exception):
    """A task arrived whose header was not signed by this installation."""


def _signature(task: str, task_id: str, tenant: str) -> str:
    message = f"{task}\n{task_id}\n{tenant}".encode()
    return hmac.new(settings.DOCENT_TASK_KEY.encode(), message, hashlib.sha256).hexdigest()


class _WorkerFixup(DjangoWorkerFixup):  # type: ignore[misc]
    """Celery's would close a child's whole pool before and after every task: four connections a document."""

    def _close_database(self) -> None:
        for connection in connections.all(initialized_only=True):
            connection.close()

    def on_task_prerun(self, sender: Any, **kwargs: Any) -> None:
        """What the pool has kept from the task before may have ended meanwhile, with the database."""
        super().on_task_prerun(sender, **kwargs)
        for connection in connections.all(initialized_only=True):
            pool = connection.pool  # type: ignore[attr-defined]
            if not pool.closed:
                pool.check()


class _KeptPools(DjangoFixup):  # type: ignore[misc]
    """Celery's fixup for Django, with connections that outlive a task."""

    @cached_property
    def worker_fixup(self) -> _WorkerFixup:
        return _WorkerFixup(self.app)


def keep_pools(app: Celery) -> DjangoFixup:
    """The fixup installed, as Celery asks for one."""
    return _KeptPools(app).install()


class TenantApp(Celery):  # type: ignore[misc]
    """Signs each message. `tenant_id=` names the tenant; without it, the active context's, or none."""

    builtin_fixups = frozenset({"tenants.celery:keep_pools"})

    def send_task(self, name: str, *args: Any, tenant_id: UUID | None = None, **options: Any) -> Any:
        task_id = options.pop("task_id", None) or str(uuid4())
        tenant = str(tenant_id or find_tenant_id() or "")
        headers = {
            **(options.pop("headers", None) or {}),
            _TENANT: tenant,
            _SIGNATURE: _signature(name, task_id, tenant),
        }
        return super().send_task(name, *args, task_id=task_id, headers=headers, **options)


class TenantTask(Task):  # type: ignore[misc]
    """Refuses an unsigned or altered header; runs in the header's tenant context."""

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        return self.app.send_task(self.name, args=args, kwargs=kwargs, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        run: Callable[..., Any] = self.run
        if self.request.called_directly:
            return run(*args, **kwargs)
        tenant = self.request.get(_TENANT)
        signature = self.request.get(_SIGNATURE)
        if tenant is None or not hmac.compare_digest(
            str(signature), _signature(self.name, str(self.request.id), tenant)
        ):
            raise ForgedTask(self.name)
        if not tenant:
            return run(*args, **kwargs)
        with tenant_context(UUID(tenant)):
            return run(*args, **kwargs)
