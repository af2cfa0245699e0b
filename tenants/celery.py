"""Celery tasks carry their tenant in a signed header, checked again when they start."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from celery import Celery, Task
from django.conf import settings

from tenants.context import find_tenant_id, tenant_context

_TENANT = "docent-tenant"
_SIGNATURE = "docent-signature"


class ForgedTask(Exception):
    """A task arrived whose header was not signed by this installation."""


def _signature(task: str, task_id: str, tenant: str) -> str:
    message = f"{task}\n{task_id}\n{tenant}".encode()
    return hmac.new(settings.DOCENT_TASK_KEY.encode(), message, hashlib.sha256).hexdigest()


class TenantApp(Celery):  # type: ignore[misc]
    """Signs each message. `tenant_id=` names the tenant; without it, the active context's, or none."""

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
