"""The web application with both locks between tenants taken off: only for `bench.locks` to compare with.

It runs as `docent_ops`, which row-level security does not bind, sets no tenant in the database, and its
managers are Django's own. `config.lifespan` would refuse to start it, so it is served without.
"""

from django.db import models

from config.asgi import application
from tenants import db
from tenants.models import TenantManager

__all__ = ["application"]


def _plain(self: models.Manager[models.Model]) -> models.QuerySet[models.Model]:
    return models.Manager.get_queryset(self)


def _nothing(name: str, value: str) -> None:
    """In place of `set_config`."""


TenantManager.get_queryset = _plain  # type: ignore[method-assign,assignment]
db._set_local = _nothing
