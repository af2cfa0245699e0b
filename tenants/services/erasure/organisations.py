"""Writes: erasing an organisation."""

import logging
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from tenants.access import Access
from tenants.audit import sealing
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.erasure import outside_rows, tombstones
from tenants.erasure.residue import residue_of_tenant
from tenants.erasure.tombstones import Kind, Tombstone
from tenants.errors import InvalidInput
from tenants.isolation.catalog import tenant_models
from tenants.models import AuditEvent, AuditSeal, Job, ReplyLease, Tenant, TenantKey, TenantModel
from tenants.permissions import Action
from tenants.services.organisations import disable_tenant
from tenants.services.signin import forget_connections

logger = logging.getLogger(__name__)

# Rows in one statement: far from the statement timeout, vectors and all.
_BATCH = 2000
_ROUNDS = 3


def order_tenant_erasure(*, access: Access, confirmation: str) -> None:
    """Close an organisation at once and for good; the platform process erases it within minutes.

    `confirmation` is its slug, against a slip of the hand: anything else raises `InvalidInput`.
    """
    access.require(Action.ERASE_TENANT)
    if confirmation != access.tenant_slug:
        raise InvalidInput.at(
            "/confirmation",
            gettext("Type “{tenant_slug}” to confirm.").format(tenant_slug=access.tenant_slug),
            "wrong_confirmation",
        )
    with tenant_atomic(access.tenant_id):
        record(access, "tenant.erased", target_kind="tenant", target_id=access.tenant_id)
        disable_tenant(tenant=Tenant.objects.get(id=access.tenant_id))
        # After the commit: an order that outlived a failed transaction would erase what nobody meant to.
        transaction.on_commit(lambda: tombstones.order(Kind.TENANT, access.tenant_id))


def erase_tenant(tenant_id: UUID) -> Tombstone:
    """Erase an organisation. Without the owner's address its audit log is left, for the platform process."""
    tombstone = tombstones.order(Kind.TENANT, tenant_id)
    tenant = Tenant.objects.filter(id=tenant_id).first()
    removed: Counter[str] = Counter()
    if tenant is not None:
        disable_tenant(tenant=tenant)
        removed["socialaccount_socialaccount"] += forget_connections(tenant.slug)
    # Work that was under way may write once more before it notices: look again until nothing comes.
    for _ in range(_ROUNDS):
        before = removed.total()
        _remove_work(tenant_id, removed)
        _remove_rows(tenant_id, removed)
        if removed.total() == before:
            break
    if settings.DOCENT_OWNER_URL:
        removed.update(sealing.remove_audit_of(settings.DOCENT_OWNER_URL, tenant_id))
        removed["tenants_tenant"] += _remove_tenant(tenant_id)
    # Last: who still had a file open to write has failed by now, for want of the organisation.
    removed["files"] += outside_rows.remove_files(tenant_id)
    removed["keys"] += outside_rows.remove_keys(tenant_id)
    removed["tasks"] += outside_rows.remove_tasks(tenant_id)
    tombstone = tombstones.note_removed(tombstone, removed)
    return tombstones.note_residue(tombstone, residue_of_tenant(tenant_id))


def is_back(tenant_id: UUID) -> bool:
    """Whether anything of an erased organisation is to be found."""
    return bool(residue_of_tenant(tenant_id))


def _remove_work(tenant_id: UUID, removed: Counter[str]) -> None:
    """Whoever holds a job or writes a reply notices by the lease that is gone."""
    removed["tenants_job"] += Job.objects.filter(tenant_id=tenant_id).delete()[0]
    removed["tenants_replylease"] += ReplyLease.objects.filter(tenant_id=tenant_id).delete()[0]


def _remove_tenant(tenant_id: UUID) -> int:
    """From here on the database refuses every row of the organisation. 0 while there is one left."""
    try:
        return Tenant.objects.filter(id=tenant_id).delete()[1].get(Tenant._meta.label, 0)
    except IntegrityError:
        logger.warning("organisation %s was written to while it was erased; it is tried again", tenant_id)
        return 0


def _remove_rows(tenant_id: UUID, removed: Counter[str]) -> None:
    """Every table of tenants but the audit log, what points before what it points to."""
    for model in _in_order_of_removal():
        loops = [key.name for key in _keys(model) if key.related_model is model]
        if loops:
            _in_batches(tenant_id, model, {f"{name}__isnull": False for name in loops}, dict.fromkeys(loops))
        removed[model._meta.db_table] += _in_batches(tenant_id, model, {}, None)


def _in_batches(
    tenant_id: UUID, model: type[TenantModel], filters: dict[str, bool], values: dict[str, None] | None
) -> int:
    """Delete rows, or set `values` in them, some at a time in transactions of their own; returns how many."""
    total = 0
    while True:
        with tenant_atomic(tenant_id):
            some = list(model.objects.filter(**filters).values_list("id", flat=True)[:_BATCH])
            rows = model.objects.filter(id__in=some)
            # No cascades: rows that point here are gone already, and the database would refuse to lose any.
            rows.update(**values) if values is not None else rows._raw_delete(rows.db)
        total += len(some)
        if len(some) < _BATCH:
            return total


def _in_order_of_removal() -> Iterator[type[TenantModel]]:
    left = set(tenant_models().values()) - {AuditEvent, AuditSeal}
    while left:
        pointed_at = {
            key.related_model for model in left for key in _keys(model) if key.related_model is not model
        }
        free = sorted(left - pointed_at, key=lambda model: model._meta.db_table)
        yield from free
        left -= set(free)


def _keys(model: type[TenantModel]) -> list[TenantKey]:
    return [key for key in model._meta.local_fields if isinstance(key, TenantKey)]
